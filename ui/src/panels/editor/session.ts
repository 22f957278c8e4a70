/**
 * One edit of one object, while the object lives on in the cluster. The text belongs to the user: what the cluster changes
 * is merged into it where the user did not touch it, and shown as a conflict where both did. Pure.
 */
import type { KubeObject } from '../../api/contract';
import { isMap, type Json, same } from '../json';
import { applyChanges, parse, toText, visible } from './document';
import type { Draft } from './drafts';
import { type Conflict, difference, merge, type Path, pathText } from './merge';

export interface Mark {
  path: Path;
  /** Milliseconds since 1970. */
  at: number;
}

export interface Session {
  text: string;
  /** What of the cluster's is in the text, or was decided against. */
  base: KubeObject;
  /** The newest the cluster has told; differs from `base` only while the text does not parse. */
  theirs: KubeObject;
  conflicts: Conflict[];
  /** What the cluster changed since the edit began. */
  marks: Mark[];
  /** The object is no more. */
  gone: boolean;
}

export function begin(object: KubeObject): Session {
  return { text: toText(object), base: object, theirs: object, conflicts: [], marks: [], gone: false };
}

/** Goes on with an edit that an earlier page left. */
export function restore(draft: Omit<Draft, 'time'>, current: KubeObject, now: number): Session {
  const base = JSON.parse(draft.base) as KubeObject;
  return arrive({ ...begin(base), text: draft.text, conflicts: draft.conflicts ?? [] }, current, now);
}

/** Whether saving would change anything; comments alone do not. */
export function isDirty(session: Session): boolean {
  const mine = parse(session.text);
  return !mine.ok || !same(mine.object, visible(session.base));
}

/** Whether the text has anything that a page that comes later could not know. */
export function needsDraft(session: Session): boolean {
  return session.text !== toText(session.base);
}

/** What a later page needs to go on with the edit: an open conflict is no less open there. */
export function draftOf({ base, text, conflicts }: Session): Omit<Draft, 'time'> {
  return { base: JSON.stringify(base), text, conflicts };
}

/** Whether the edit may be saved: it says something, and nothing of it is undecided. */
export function isReady(session: Session): boolean {
  return isDirty(session) && !session.gone && session.conflicts.length === 0 && parse(session.text).ok;
}

export function isPending(session: Session): boolean {
  return session.base !== session.theirs;
}

/** The cluster has a newer version. */
export function arrive(session: Session, theirs: KubeObject | null, now: number): Session {
  if (theirs === null) return { ...session, gone: true };
  const changes = difference(json(visible(session.base)), json(visible(theirs)));
  const marks = [...session.marks, ...changes.map(({ path }) => ({ path, at: now }))].slice(-200);
  // What nobody touched is the cluster's as it is.
  if (!needsDraft(session)) return { ...begin(theirs), marks };
  if (changes.length === 0) return { ...session, theirs, base: theirs, gone: false };
  const mine = parse(session.text);
  if (!mine.ok) return { ...session, theirs, gone: false };
  const merged = merge(json(visible(session.base)), json(mine.object), json(visible(theirs)));
  const fresh = new Set(merged.conflicts.map(({ path }) => pathText(path)));
  const open = session.conflicts.filter(
    ({ path }) => !fresh.has(pathText(path)) && !same(at(json(mine.object), path), at(json(theirs), path)),
  );
  return {
    text: applyChanges(session.text, merged.changes),
    base: theirs,
    theirs,
    conflicts: [...open, ...merged.conflicts],
    marks,
    gone: false,
  };
}

/** The edit was saved and became `object`, which may have more than was typed: defaults. */
export function saved(session: Session, object: KubeObject): Session {
  const mine = parse(session.text);
  if (!mine.ok) return begin(object);
  const text = applyChanges(session.text, difference(json(mine.object), json(visible(object))));
  return { ...begin(object), text };
}

/** The user typed. What waited for the text to parse is merged; conflicts that the typing settled are gone. */
export function type(session: Session, text: string, now: number): Session {
  const mine = parse(text);
  if (!mine.ok) return { ...session, text };
  const conflicts = session.conflicts.filter(({ path, theirs }) => !same(at(json(mine.object), path), theirs));
  const typed = { ...session, text, conflicts };
  return isPending(typed) ? arrive(typed, session.theirs, now) : typed;
}

/** Settles a conflict by the cluster's value; keeping one's own is `keepMine`. */
export function takeTheirs(session: Session, conflict: Conflict): Session {
  const text = applyChanges(session.text, [{ path: conflict.path, value: conflict.theirs }]);
  return { ...keepMine(session, conflict), text };
}

export function keepMine(session: Session, conflict: Conflict): Session {
  return { ...session, conflicts: session.conflicts.filter((other) => other !== conflict) };
}

/** Puts an earlier version into the text, as an edit like any other: comments stay, nothing is saved yet. */
export function revertTo(session: Session, version: KubeObject): Session {
  const mine = parse(session.text);
  const text = mine.ok
    ? applyChanges(session.text, difference(json(mine.object), json(visible(version))))
    : toText(version);
  return { ...session, text, conflicts: [] };
}

/** What is at a path of a value. */
export function at(value: Json | undefined, path: Path): Json | undefined {
  let here = value;
  for (const step of path) {
    if (typeof step === 'string') here = isMap(here) ? here[step] : undefined;
    else if (Array.isArray(here)) here = here.find((item) => isMap(item) && item[step.key] === step.value);
    else here = undefined;
  }
  return here;
}

function json(object: KubeObject): Json {
  return object as unknown as Json;
}
