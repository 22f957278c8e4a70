/** The versions of an object that this page has seen, newest first: what "undo to" offers. */
import { type KubeObject, same } from '../json';
import { visible } from './document';

export interface Version {
  object: KubeObject;
  /** Milliseconds since 1970. */
  seen: number;
}

const MOST = 50;

/** The history with one more version; what only the controllers write (status, revision) makes none. */
export function seen(history: Version[], object: KubeObject, now: number): Version[] {
  const shown = visible(object);
  const [newest] = history;
  if (newest !== undefined && same(newest.object, shown)) return history;
  return [{ object: shown, seen: now }, ...history].slice(0, MOST);
}
