import { useState } from 'react';
import type { ObjectRef } from '../api/contract';
import { ApiError } from '../api/http';
import { deleteObject, type Propagation } from '../api/k8s';
import { Dialog } from '../components/Dialog';
import { useI18n } from '../i18n';
import { plural, type Resource } from '../kinds/discovery';
import { each, fullName } from '../kinds/each';
import { Consequences, isGrave } from './Consequences';

const CHOICES: Propagation[] = ['Background', 'Foreground', 'Orphan'];
/** What nothing belongs to, or what takes all it has with it, so that nobody need choose what becomes of it. */
const OWN_NOTHING = new Set([
  ...['pods', 'configmaps', 'secrets', 'events', 'persistentvolumeclaims', 'persistentvolumes', 'ingresses'],
  ...['namespaces', 'customresourcedefinitions'],
]);
/** Names that are written out; more are counted. */
const NAMED = 8;

interface Props {
  resource: Resource;
  refs: ObjectRef[];
  /** Every kind of the cluster. */
  all: Resource[];
  /** Called when their deletion has begun. */
  onDone?: (() => void) | undefined;
}

/** What is gone already need not go. */
const unlessGone = (error: unknown) => {
  if (!(error instanceof ApiError && error.code === 404)) throw error;
};

export function DeleteDialog({ resource, refs, all, onDone }: Props) {
  const { t, tn } = useI18n();
  const [propagation, setPropagation] = useState<Propagation>('Background');
  const [now, setNow] = useState(false);
  const [typed, setTyped] = useState('');
  const pods = resource.resource === 'pods';
  const grave = isGrave(resource);
  const word = refs.length === 1 ? (refs[0]?.name ?? '') : String(refs.length);
  const run = async () => {
    await each(refs, (ref) => deleteObject(ref, propagation, now ? 0 : undefined).catch(unlessGone));
    onDone?.();
  };
  const title =
    refs.length === 1
      ? t('delete.one', { kind: resource.kind, name: refs[0]?.name ?? '' })
      : t('delete.many', { count: refs.length, kind: plural(resource) });
  return (
    <Dialog
      title={title}
      confirm={{
        label: t('action.delete'),
        danger: true,
        disabled: grave && typed !== word,
        run,
        good: t('delete.done', { title: refs.length === 1 ? (refs[0]?.name ?? '') : tn('objects', refs.length) }),
      }}
    >
      {refs.length > 1 && (
        <ul className="names mono small">
          {refs.slice(0, NAMED).map((ref) => (
            <li key={fullName(ref)}>{fullName(ref)}</li>
          ))}
          {refs.length > NAMED && <li>{tn('others', refs.length - NAMED)}</li>}
        </ul>
      )}
      {!OWN_NOTHING.has(resource.resource) && (
        <fieldset className="options">
          <legend>{t('propagation')}</legend>
          {CHOICES.map((choice) => (
            <label key={choice} className="check">
              <input
                type="radio"
                name="propagation"
                checked={propagation === choice}
                onChange={() => setPropagation(choice)}
              />
              <span>
                {choice} <span className="soft small">{t(`propagation.${choice}`)}</span>
              </span>
            </label>
          ))}
        </fieldset>
      )}
      {grave && (
        <>
          <Consequences resource={resource} refs={refs} all={all} />
          <label className="field">
            <span>{t('delete.typed', { word })}</span>
            <input className="input mono" value={typed} onChange={(event) => setTyped(event.target.value)} />
          </label>
        </>
      )}
      {pods && (
        <label className="check">
          <input type="checkbox" checked={now} onChange={(event) => setNow(event.target.checked)} />
          {t('delete.now')}
        </label>
      )}
    </Dialog>
  );
}
