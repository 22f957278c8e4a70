/** The versions of an object, newest first, that "undo to" offers: those the cluster remembers, and those the page saw. */
import type { KubeObject } from '../../api/contract';
import { same } from '../json';
import { visible } from './document';

export interface Version {
  object: KubeObject;
  revision: string;
  /** When it was new, in milliseconds since 1970. */
  since: number;
}

const MOST = 50;
/** Most of what is written to a busy object is its status. */
const MOST_ASKED = 100;

const version = (object: KubeObject, since: number): Version => ({
  object: visible(object),
  revision: object.metadata.resourceVersion ?? '',
  since,
});

/** The history with one more version; what only the controllers write (status, revision) makes none. */
export function seen(history: Version[], object: KubeObject, now: number): Version[] {
  const newest = version(object, now);
  if (history[0] !== undefined && same(history[0].object, newest.object)) return history;
  return [newest, ...history].slice(0, MOST);
}

/**
 * What the cluster remembers of an object before this version: what was there one revision before each version was
 * written is the version before it, until the object was made or the cluster's memory ends.
 */
export async function past(
  object: KubeObject,
  at: (revision: string) => Promise<KubeObject | undefined>,
): Promise<Version[]> {
  const found = [version(object, 0)];
  let { resourceVersion = '1' } = object.metadata;
  for (let asked = 0; asked < MOST_ASKED && found.length <= MOST; asked++) {
    const before = await at(String(BigInt(resourceVersion) - 1n));
    if (before === undefined || before.metadata.uid !== object.metadata.uid) break;
    resourceVersion = before.metadata.resourceVersion ?? '1';
    const older = version(before, written(before));
    // Of writings that differ in nothing people wrote, the first one counts.
    if (same(found.at(-1)?.object, older.object)) found.pop();
    found.push(older);
  }
  return found.slice(1);
}

/** When a version was written, in milliseconds since 1970. */
function written({ metadata }: KubeObject): number {
  const times = [metadata.creationTimestamp, ...(metadata.managedFields ?? []).map(({ time }) => time)];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time)));
}
