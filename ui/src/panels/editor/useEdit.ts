import { useCallback, useEffect, useRef, useState } from 'react';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { ApiError, messageOf } from '../../api/http';
import { getObject, listObjects, replaceObject } from '../../api/k8s';
import { useObject } from '../../store/hooks';
import type { ViewState } from '../../store/view';
import { same } from '../json';

import { complete, parse, visible } from './document';
import { draftsOf } from './drafts';
import { type Effect, effects } from './effects';
import { arrive, begin, draftOf, isReady, needsDraft, restore, type Session, saved, type } from './session';
import { past, seen, type Version } from './versions';

/** What the server says it would make of the edit. */
export interface Review {
  before: KubeObject;
  after: KubeObject;
  effects: Effect[];
}

export interface Edit {
  view: ViewState<KubeObject | null | undefined>;
  session: Session | null;
  versions: Version[];
  review: Review | null;
  /** When the edit that an earlier page left was begun; 0 for a new one. */
  restored: number;
  busy: boolean;
  /** Whether there is something to save, and nothing to decide or to wait for before. */
  ready: boolean;
  error: string;
  /** Set when a save met a newer version and the two were merged. */
  merged: boolean;
  change: (next: (session: Session) => Session) => void;
  typed: (text: string) => void;
  discard: () => void;
  look: () => Promise<void>;
  save: () => Promise<void>;
  back: () => void;
}

/** The versions before this one that the cluster remembers. */
function remembered(target: ObjectRef, object: KubeObject): Promise<Version[]> {
  const fieldSelector = `metadata.name=${target.name}`;
  return past(object, async (resourceVersion) => {
    const query = { fieldSelector, resourceVersion, resourceVersionMatch: 'Exact' };
    // It is expired where the memory ends.
    const list = await listObjects(target.cluster, target, target.namespace, query).catch(() => undefined);
    return list?.items[0];
  });
}

/** Whether one version differs from another in nothing that the text shows. */
const unseen = (before: KubeObject, after: KubeObject) =>
  before.metadata.resourceVersion !== after.metadata.resourceVersion && same(visible(before), visible(after));

/** Follows an object and holds the edit of it. */
export function useEdit(target: ObjectRef): Edit {
  const view = useObject(target);
  const [session, setSession] = useState<Session | null>(null);
  const [versions, setVersions] = useState<Version[]>([]);
  const [review, setReview] = useState<Review | null>(null);
  const [restored, setRestored] = useState(0);
  const [state, setState] = useState({ busy: false, error: '', merged: false });
  const [drafts] = useState(() => draftsOf(target));
  const [place] = useState(target);
  /** The UID of the object whose past was asked for. */
  const asked = useRef('');
  const uid = session?.theirs.metadata.uid ?? '';
  const { data } = view;

  useEffect(() => {
    if (data === undefined) return;
    const now = Date.now();
    if (data !== null) {
      const id = data.metadata.uid ?? '';
      const begun = asked.current !== id;
      asked.current = id;
      setVersions((known) => seen(begun ? [] : known, data, now));
      if (begun)
        void remembered(place, data).then(
          (more) => asked.current === id && setVersions((known) => [...known, ...more]),
        );
    }
    setSession((current) => {
      if (current !== null) return arrive(current, data, now);
      if (data === null) return null;
      const draft = drafts.get(data.metadata.uid ?? '');
      if (draft === null) return begin(data);
      setRestored(draft.time);
      return restore(draft, data, now);
    });
  }, [data, drafts, place]);

  // What is saved is what was looked at: when the object moves on, the look is over. The outcome of the save is no such move.
  useEffect(() => {
    if (review === null || data === undefined) return;
    if (data !== null && [review.before, review.after].some((seen) => same(visible(seen), visible(data)))) return;
    setReview(null);
    setState({ busy: false, error: '', merged: data !== null });
  }, [data, review]);

  useEffect(() => {
    if (session === null || uid === '') return;
    if (needsDraft(session)) drafts.set(uid, draftOf(session));
    else drafts.remove(uid);
  }, [session, uid, drafts]);
  useEffect(() => drafts.prune(), [drafts]);

  const change = useCallback((next: (session: Session) => Session) => {
    setSession((current) => (current === null ? null : next(current)));
  }, []);
  const typed = useCallback((text: string) => change((current) => type(current, text, Date.now())), [change]);
  const discard = useCallback(() => {
    setRestored(0);
    setState({ busy: false, error: '', merged: false });
    change((current) => begin(current.theirs));
  }, [change]);

  /** Sends the edit; a newer version in the cluster is merged in, and nothing is written until the user has seen it. */
  const send = async (dry: boolean, onto = session?.theirs): Promise<KubeObject | null> => {
    if (session === null || onto === undefined) return null;
    const mine = parse(session.text);
    if (!mine.ok) return null;
    setState({ busy: true, error: '', merged: false });
    try {
      const query = { fieldValidation: 'Strict', ...(dry ? { dryRun: 'All' } : {}) };
      const result = await replaceObject(target, complete(mine.object, onto), '', query);
      setState({ busy: false, error: '', merged: false });
      return result;
    } catch (error) {
      const stale = error instanceof ApiError && error.reason === 'Conflict';
      if (stale) {
        const newest = await getObject(target).catch(() => null);
        if (newest !== null) change((current) => arrive(current, newest, Date.now()));
        // What the text shows is as it was: a status changed, as those of pods do all the time.
        if (newest !== null && unseen(onto, newest)) return send(dry, newest);
        setReview(null);
      }
      setState({ busy: false, error: stale ? '' : messageOf(error), merged: stale });
      return null;
    }
  };

  const ready = !state.busy && session !== null && isReady(session);
  const look = async () => {
    if (!ready) return;
    const after = await send(true);
    if (after !== null && session !== null) {
      setReview({ before: session.theirs, after, effects: effects(session.theirs, after) });
    }
  };
  const save = async () => {
    if (!ready || review === null) return;
    const result = await send(false, review.before);
    if (result === null) return;
    setReview(null);
    setRestored(0);
    change((current) => saved(current, result));
  };

  return {
    view,
    session,
    versions,
    review,
    restored,
    ...state,
    ready,
    change,
    typed,
    discard,
    look,
    save,
    back: () => setReview(null),
  };
}
