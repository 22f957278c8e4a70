/** The keys of a ConfigMap or Secret while somebody edits them. All values are bytes in base64, whatever the kind. Pure. */

import type { KubeObject } from '../../api/contract';
import type { Draft } from '../editor/drafts';
import { merge } from '../editor/merge';
import { same } from '../json';

export type Values = Record<string, string>;

export interface Entries {
  base: Values;
  mine: Values;
  theirs: Values;
  /** Keys that both changed, differently. */
  conflicts: string[];
}

const encoder = new TextEncoder();
const LIMIT = 1024 * 1024;

export function toBytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

export function fromBytes(bytes: Uint8Array): string {
  let text = '';
  for (let from = 0; from < bytes.length; from += 8192)
    text += String.fromCharCode(...bytes.subarray(from, from + 8192));
  return btoa(text);
}

export const fromText = (text: string) => fromBytes(encoder.encode(text));

/** The value as text; null when its bytes are none. */
export function toText(base64: string): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(toBytes(base64));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells binary from text
    return /[\u0000-\u0008\u000e-\u001f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

export function valuesOf(object: KubeObject): Values {
  const data = (object.data ?? {}) as Values;
  if (object.kind === 'Secret') return { ...data };
  const texts = Object.entries(data).map(([key, text]) => [key, fromText(text)]);
  return { ...(Object.fromEntries(texts) as Values), ...((object.binaryData ?? {}) as Values) };
}

export function begin(object: KubeObject): Entries {
  const values = valuesOf(object);
  return { base: values, mine: values, theirs: values, conflicts: [] };
}

/** What a later page needs to go on with the edit. */
export function draftOf({ base, mine, conflicts }: Entries): Omit<Draft, 'time'> {
  return { base: JSON.stringify(base), text: JSON.stringify({ mine, conflicts }) };
}

/** Goes on with an edit that an earlier page left. */
export function restore(draft: Omit<Draft, 'time'>, object: KubeObject): Entries {
  const base = JSON.parse(draft.base) as Values;
  const { mine, conflicts } = JSON.parse(draft.text) as Pick<Entries, 'mine' | 'conflicts'>;
  return arrive({ base, mine, theirs: base, conflicts }, object);
}

/** The cluster has a newer version: keys that were not touched follow it, the others stay. */
export function arrive(entries: Entries, object: KubeObject): Entries {
  const theirs = valuesOf(object);
  const merged = merge(entries.base, entries.mine, theirs);
  const mine = { ...entries.mine };
  for (const { path, value } of merged.changes) {
    const key = String(path[0]);
    if (value === undefined) delete mine[key];
    else mine[key] = String(value);
  }
  const fresh = merged.conflicts.map(({ path }) => String(path[0]));
  const conflicts = [...new Set([...entries.conflicts, ...fresh])].filter((key) => mine[key] !== theirs[key]);
  return { base: theirs, mine, theirs, conflicts };
}

/** Sets a key, or removes it. */
export function set(entries: Entries, key: string, value: string | undefined): Entries {
  const { [key]: _old, ...rest } = entries.mine;
  const mine = value === undefined ? rest : { ...entries.mine, [key]: value };
  return {
    ...entries,
    mine,
    conflicts: entries.conflicts.filter((one) => one !== key || mine[key] !== entries.theirs[key]),
  };
}

/** Ends a conflict, with the cluster's value or one's own. */
export function settle(entries: Entries, key: string, side: 'mine' | 'theirs'): Entries {
  const chosen = side === 'mine' ? entries : set(entries, key, entries.theirs[key]);
  return { ...chosen, conflicts: chosen.conflicts.filter((one) => one !== key) };
}

export function changedKeys({ base, mine }: Entries): string[] {
  return [...new Set([...Object.keys(base), ...Object.keys(mine)])].filter((key) => base[key] !== mine[key]).sort();
}

/** A merge patch of the changed keys alone, refused by the server when the object moved on since. */
export function patchOf(entries: Entries, kind: string, resourceVersion: string): Record<string, unknown> {
  const data: Record<string, string | null> = {};
  const binaryData: Record<string, string | null> = {};
  for (const key of changedKeys(entries)) {
    const value = entries.mine[key];
    if (kind === 'Secret') {
      data[key] = value ?? null;
      continue;
    }
    const text = value === undefined ? null : toText(value);
    data[key] = text;
    binaryData[key] = text === null ? (value ?? null) : null;
  }
  const patch = { metadata: { resourceVersion }, data };
  return kind === 'Secret' ? patch : { ...patch, binaryData };
}

export type KeyFault = 'empty' | 'characters' | 'long' | 'taken';

/** What is wrong with the name of a new key. */
export function keyFault(key: string, taken: Values): KeyFault | null {
  if (key === '') return 'empty';
  if (!/^[-._a-zA-Z0-9]+$/.test(key) || key === '.' || key.startsWith('..')) return 'characters';
  if (key.length > 253) return 'long';
  return key in taken ? 'taken' : null;
}

export function sizeOf(base64: string): number {
  return Math.floor((base64.length * 3) / 4) - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
}

/** Whether the values together are more than an object may have. */
export function tooLarge(values: Values): boolean {
  return Object.entries(values).reduce((sum, [key, value]) => sum + key.length + sizeOf(value), 0) > LIMIT;
}

/** The first bytes as `hexdump -C` shows them. */
export function hexDump(bytes: Uint8Array, most = 512): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join('\n');
}

export const isDirty = (entries: Entries) => !same(entries.base, entries.mine);
