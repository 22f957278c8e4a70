/** Making objects of what somebody typed, pasted or brought in files. */
import type { KubeObject, ObjectRef } from '../../api/contract';
import { ApiError, messageOf } from '../../api/http';
import { createObject, deleteObject, getObject, getPath, patchObject } from '../../api/k8s';
import { spoken } from '../../i18n';

/** Only to look what would be; to make what is not there; to change what is; the same where others manage fields. */
export type Mode = 'check' | 'create' | 'change' | 'takeOver';

export interface Outcome {
  id: string;
  state: 'valid' | 'changes' | 'applied' | 'exists' | 'owned' | 'failed';
  message: string;
  /** As it is; null where there is none of its name. */
  before?: KubeObject | null;
  /** As it is then. */
  after?: KubeObject;
}

type ApiResources = { resources: { name: string; kind: string; namespaced: boolean }[] };

/** Finds where a kind is served. Throws what the server says of a version or kind it does not have. */
async function locate(cluster: string, object: KubeObject, namespace: string): Promise<ObjectRef> {
  const [first = '', second] = object.apiVersion.split('/');
  const [group, version] = second === undefined ? ['', first] : [first, second];
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const { resources } = await getPath<ApiResources>(cluster, path);
  const found = resources.find(({ kind, name }) => kind === object.kind && !name.includes('/'));
  if (found === undefined) throw new Error(`no kind "${object.kind}" in ${object.apiVersion}`);
  const where = found.namespaced ? object.metadata.namespace || namespace || 'default' : '';
  return { cluster, group, version, resource: found.name, namespace: where, name: object.metadata.name };
}

/** What every object must have, and this one does not. */
export function missing(object: Partial<KubeObject>): string | undefined {
  const { name, generateName } = { name: '', generateName: '', ...object.metadata };
  if (!object.apiVersion || !object.kind) return object.apiVersion ? 'kind' : 'apiVersion';
  return name || generateName ? undefined : 'metadata.name';
}

/** Asks for one object, by server-side apply. What is there already is only changed when that is wanted. */
export async function make(cluster: string, object: KubeObject, namespace: string, mode: Mode): Promise<Outcome> {
  const id = [object.kind, object.metadata?.name].filter(Boolean).join(' ');
  try {
    const lacks = missing(object);
    if (lacks !== undefined) throw new Error(spoken().t('panel.editor.missing', { field: lacks }));
    const ref = await locate(cluster, object, namespace);
    const dry = mode === 'check';
    const query = { fieldValidation: 'Strict', ...(dry ? { dryRun: 'All' } : {}) };
    if (!ref.name) {
      const after = await createObject(cluster, ref, ref.namespace, object, query);
      return { id, state: dry ? 'valid' : 'applied', message: '', after };
    }
    const before = await getObject(ref).catch(unlessAbsent);
    if (before !== null && mode === 'create') return { id, state: 'exists', message: '', before };
    const after = await patchObject(ref, 'apply', object, '', { ...query, force: mode === 'takeOver' });
    return { id, state: !dry ? 'applied' : before ? 'changes' : 'valid', message: '', before, after };
  } catch (error) {
    const owned = error instanceof ApiError && error.reason === 'Conflict';
    return { id, state: owned ? 'owned' : 'failed', message: messageOf(error) };
  }
}

/**
 * Puts a new object in the place of one of its name that cannot be changed, as `kubectl replace --force` does. What the
 * server would refuse is told before the old one goes.
 */
export async function replace(old: ObjectRef, object: KubeObject): Promise<Outcome> {
  const id = [object.kind, object.metadata?.name].filter(Boolean).join(' ');
  try {
    const { name, ...metadata } = object.metadata ?? {};
    const other = { ...object, metadata: { ...metadata, generateName: `${name}-` } };
    const strict = { fieldValidation: 'Strict' };
    await createObject(old.cluster, old, old.namespace, other, { ...strict, dryRun: 'All' });
    await deleteObject(old, 'Background', 0).catch(unlessAbsent);
    const after = await createObject(old.cluster, old, old.namespace, object, strict);
    return { id, state: 'applied', message: '', after };
  } catch (error) {
    return { id, state: 'failed', message: messageOf(error) };
  }
}

const unlessAbsent = (error: unknown) => {
  if (error instanceof ApiError && error.code === 404) return null;
  throw error;
};

/** Whether there is a secret in a text, also one that cannot be read yet: it must not reach the disk. */
export const hasSecret = (text: string) => /\bkind["']?\s*:\s*["']?Secret\b/.test(text);
