/** Work on several objects at once. */
import type { ObjectRef } from '../api/contract';
import { spoken } from '../i18n';

interface Failed {
  ref: ObjectRef;
  error: Error;
}

/** How many failures one message tells. */
const TOLD = 4;

/** Does work on many objects, a few at a time, and with the others when one fails. Throws one message of all that failed. */
export async function each(refs: ObjectRef[], work: (ref: ObjectRef) => Promise<unknown>): Promise<void> {
  const failed: Failed[] = [];
  const queue = [...refs];
  const worker = async () => {
    for (let ref = queue.shift(); ref; ref = queue.shift()) {
      try {
        await work(ref);
      } catch (error) {
        failed.push({ ref, error: error as Error });
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  if (failed.length > 0) throw together(failed, refs.length);
}

function together(failed: Failed[], all: number): Error {
  const { t, tn } = spoken();
  const [first] = failed;
  if (all === 1 && first) return first.error;
  const told = failed.slice(0, TOLD).map(({ ref, error }) => `${fullName(ref)}: ${error.message}`);
  if (failed.length > TOLD) told.push(tn('others', failed.length - TOLD));
  return new Error(t('failed.some', { failed: failed.length, all, list: told.join('; ') }));
}

/** The name with its namespace, where it has one. */
export const fullName = ({ namespace, name }: Pick<ObjectRef, 'namespace' | 'name'>) =>
  namespace ? `${namespace}/${name}` : name;
