/**
 * Three-way merge of objects: what the cluster changed since `base` is brought into what the user typed, and where both
 * changed the same thing nothing is decided for the user. Pure; `document.ts` applies the outcome to the text.
 */
import { isMap, type Json, type JsonMap, same } from '../json';

/** A step into a value: a key of a map, or the item of a list that `key` names. */
export type Step = string | { key: string; value: string | number };
export type Path = Step[];

/** Sets (or, with undefined, removes) what is at `path`; with an order, only puts the items of the list there into it. */
export interface Change {
  path: Path;
  value: Json | undefined;
  /** What names the items, in their order; others stay behind them. */
  order?: { key: string; values: (string | number)[] };
}

/** Both sides changed `path`, differently. */
export interface Conflict {
  path: Path;
  base: Json | undefined;
  mine: Json | undefined;
  theirs: Json | undefined;
}

export interface Merge {
  /** What to do to mine so that it has everything of theirs that is not in conflict. */
  changes: Change[];
  conflicts: Conflict[];
}

/** The fields by which the items of Kubernetes' lists are told apart, in the order in which they are tried. */
const IDENTITIES = [
  'name',
  'key',
  'containerPort',
  'port',
  'mountPath',
  'devicePath',
  'type',
  'uid',
  'ip',
  'topologyKey',
];

export function merge(base: Json | undefined, mine: Json | undefined, theirs: Json | undefined): Merge {
  const out: Merge = { changes: [], conflicts: [] };
  walk(base, mine, theirs, [], out);
  return out;
}

/** The changes that lead from one value to another. */
export function difference(from: Json | undefined, to: Json | undefined): Change[] {
  return merge(from, from, to).changes;
}

function walk(base: Json | undefined, mine: Json | undefined, theirs: Json | undefined, path: Path, out: Merge): void {
  if (same(mine, theirs) || same(base, theirs)) return;
  const before = base === undefined || base === null ? emptyLike(mine) : base;
  if (isMap(before) && isMap(mine) && isMap(theirs)) {
    for (const key of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
      walk(before[key], mine[key], theirs[key], [...path, key], out);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(mine) && Array.isArray(theirs)) {
    const key = identity([...before, ...mine, ...theirs], [before, mine, theirs]);
    if (key !== undefined) {
      walkItems(key, before, mine, theirs, path, out);
      return;
    }
  }
  if (same(base, mine)) out.changes.push({ path, value: theirs });
  else out.conflicts.push({ path, base, mine, theirs });
}

function walkItems(key: string, base: Json[], mine: Json[], theirs: Json[], path: Path, out: Merge): void {
  const [before, left, right] = [byKey(base, key), byKey(mine, key), byKey(theirs, key)];
  for (const value of new Set([...left.keys(), ...right.keys()])) {
    walk(before.get(value), left.get(value), right.get(value), [...path, { key, value }], out);
  }
  // New items go to the end of mine. Where theirs stand otherwise and I moved none, theirs is the order.
  const values = [...right.keys()];
  const unmoved = same(common(left, before), common(before, left));
  const appended = [...common(before, right), ...values.filter((value) => !before.has(value))];
  if (unmoved && !same(appended, values)) out.changes.push({ path, value: undefined, order: { key, values } });
}

/** The keys of one list that the other has as well. */
function common<K>(list: Map<K, Json>, other: Map<K, Json>): K[] {
  return [...list.keys()].filter((key) => other.has(key));
}

function emptyLike(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return [];
  return isMap(value) ? {} : undefined;
}

/** The field that every item has and that no list has twice. */
function identity(items: Json[], lists: Json[][]): string | undefined {
  if (items.length === 0 || !items.every(isMap)) return undefined;
  return IDENTITIES.find((key) => {
    const named = items.every((item) => ['string', 'number'].includes(typeof (item as JsonMap)[key]));
    return named && lists.every((list) => byKey(list, key).size === list.length);
  });
}

function byKey(items: Json[], key: string): Map<string | number, Json> {
  return new Map(items.map((item) => [(item as JsonMap)[key] as string | number, item]));
}

/** The path as people write it: `spec.containers[name=web].image`. */
export function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step !== 'string') return `[${step.key}=${step.value}]`;
      if (/[./]/.test(step)) return `["${step}"]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}
