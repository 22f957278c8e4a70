import { useEffect, useState } from 'react';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { ApiError, messageOf } from '../../api/http';
import { patchObject } from '../../api/k8s';
import { useObject } from '../../store/hooks';
import { draftsOf } from '../editor/drafts';

import { arrive, begin, draftOf, type Entries, isDirty, patchOf, restore } from './entries';

export interface EntriesEdit {
  object: KubeObject | null | undefined;
  view: ReturnType<typeof useObject>;
  entries: Entries | null;
  busy: boolean;
  error: string;
  /** When the edit that an earlier page left was begun; 0 for a new one. */
  restored: number;
  change: (next: (entries: Entries) => Entries) => void;
  discard: () => void;
  save: () => Promise<void>;
}

/** Follows a ConfigMap or Secret and holds the edit of its keys. */
export function useEntries(ref: ObjectRef, kind: string): EntriesEdit {
  const view = useObject(ref);
  const [entries, setEntries] = useState<Entries | null>(null);
  const [state, setState] = useState({ busy: false, error: '' });
  const [restored, setRestored] = useState(0);
  const [drafts] = useState(() => draftsOf(ref));
  const object = view.data;
  // Of the object that the edit began with: what is deleted is not there to ask.
  const [uid, setUid] = useState('');
  useEffect(() => {
    if (!object) return;
    const id = object.metadata.uid ?? '';
    setUid(id);
    setEntries((current) => {
      if (current !== null) return arrive(current, object);
      const draft = drafts.get(`keys ${id}`);
      if (draft === null) return begin(object);
      setRestored(draft.time);
      return restore(draft, object);
    });
  }, [object, drafts]);
  useEffect(() => {
    if (entries === null || uid === '') return;
    if (isDirty(entries)) drafts.set(`keys ${uid}`, draftOf(entries));
    else drafts.remove(`keys ${uid}`);
  }, [entries, uid, drafts]);
  const save = async () => {
    if (entries === null || !object) return;
    setState({ busy: true, error: '' });
    try {
      const saved = await patchObject(ref, 'merge', patchOf(entries, kind, object.metadata.resourceVersion ?? ''));
      setEntries((current) => (current === null ? null : arrive(current, saved)));
      setState({ busy: false, error: '' });
      setRestored(0);
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
    restored,
    change: (next) => setEntries((current) => (current === null ? null : next(current))),
    discard: () => {
      setRestored(0);
      setEntries((current) => current && { ...current, base: current.theirs, mine: current.theirs, conflicts: [] });
    },
    save,
  };
}
