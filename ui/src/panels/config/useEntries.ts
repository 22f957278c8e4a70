import { useEffect, useState } from 'react';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { ApiError } from '../../api/http';
import { patchObject } from '../../api/k8s';
import { useObject } from '../../store/hooks';
import { messageOf } from '../parts';
import { arrive, begin, type Entries, patchOf } from './entries';

export interface EntriesEdit {
  object: KubeObject | null | undefined;
  view: ReturnType<typeof useObject>;
  entries: Entries | null;
  busy: boolean;
  error: string;
  change: (next: (entries: Entries) => Entries) => void;
  discard: () => void;
  save: () => Promise<void>;
}

/** Follows a ConfigMap or Secret and holds the edit of its keys. */
export function useEntries(ref: ObjectRef, kind: string): EntriesEdit {
  const view = useObject(ref);
  const [entries, setEntries] = useState<Entries | null>(null);
  const [state, setState] = useState({ busy: false, error: '' });
  const object = view.data;
  useEffect(() => {
    if (object) setEntries((current) => (current === null ? begin(object) : arrive(current, object)));
  }, [object]);
  const save = async () => {
    if (entries === null || !object) return;
    setState({ busy: true, error: '' });
    try {
      const saved = await patchObject(ref, 'merge', patchOf(entries, kind, object.metadata.resourceVersion ?? ''));
      setEntries((current) => (current === null ? null : arrive(current, saved)));
      setState({ busy: false, error: '' });
    } catch (error) {
      // A newer version is on its way through the view, which merges it in; saving again then is up to the user.
      const stale = error instanceof ApiError && error.reason === 'Conflict';
      setState({ busy: false, error: stale ? 'conflict' : messageOf(error) });
    }
  };
  return {
    object,
    view,
    entries,
    ...state,
    change: (next) => setEntries((current) => (current === null ? null : next(current))),
    discard: () => setEntries(object ? begin(object) : null),
    save,
  };
}
