/**
 * The text of the editor and the object it stands for. What nobody edits (managed fields, status, revision, kubectl's
 * copy of what it applied) is taken out of the text and put back on saving; changes from the cluster go into the text
 * with comments and order kept.
 */
import {
  type Document,
  isCollection,
  isScalar,
  isSeq,
  isMap as isYamlMap,
  parseAllDocuments,
  parseDocument,
  stringify,
} from 'yaml';
import type { KubeObject } from '../../api/contract';
import { isMap, type Json, type JsonMap } from '../json';
import type { Change, Path } from './merge';

const HIDDEN_METADATA = ['managedFields', 'resourceVersion', 'generation', 'selfLink'];
/** Where `kubectl apply` keeps what it was given: the whole object again, in one line. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const FIRST = ['apiVersion', 'kind', 'metadata', 'type', 'spec', 'data', 'stringData'];
const FIRST_METADATA = ['name', 'generateName', 'namespace', 'labels', 'annotations'];

/** The object without what the editor does not show. */
export function visible(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object;
  const metadata = Object.fromEntries(Object.entries(rest.metadata).filter(([key]) => !HIDDEN_METADATA.includes(key)));
  if (rest.metadata.annotations?.[LAST_APPLIED] !== undefined) {
    const { [LAST_APPLIED]: _copy, ...annotations } = rest.metadata.annotations;
    if (Object.keys(annotations).length > 0) metadata.annotations = annotations;
    else delete metadata.annotations;
  }
  return ordered(
    { ...rest, metadata: ordered(metadata as JsonMap, FIRST_METADATA) } as JsonMap,
    FIRST,
  ) as unknown as KubeObject;
}

/** What to send: the edited object with the hidden parts and the revision of `current`, so that a stale save is refused. */
export function complete(edited: KubeObject, current: KubeObject): KubeObject {
  const metadata = { ...edited.metadata } as KubeObject['metadata'];
  if (current.metadata.resourceVersion !== undefined) metadata.resourceVersion = current.metadata.resourceVersion;
  const applied = current.metadata.annotations?.[LAST_APPLIED];
  const annotations: unknown = metadata.annotations ?? {};
  // What is no map is for the server to refuse.
  if (applied !== undefined && isMap(annotations as Json))
    metadata.annotations = { [LAST_APPLIED]: applied, ...metadata.annotations };
  const whole: KubeObject = { ...edited, metadata };
  if (current.status !== undefined) whole.status = current.status;
  return whole;
}

export function toText(object: KubeObject): string {
  return stringify(visible(object), { lineWidth: 0, aliasDuplicateObjects: false });
}

/** All of the object, also what cannot be edited; who set which field only when that is asked for. */
export function wholeText(object: KubeObject, managedFields: boolean): string {
  const { managedFields: managed, ...metadata } = object.metadata;
  const shown = { ...object, metadata: managedFields ? { ...metadata, managedFields: managed } : metadata };
  return stringify(shown, { lineWidth: 0, aliasDuplicateObjects: false });
}

function ordered(map: JsonMap, first: string[]): JsonMap {
  const keys = Object.keys(map);
  const head = first.filter((key) => keys.includes(key));
  return Object.fromEntries([...head, ...keys.filter((key) => !head.includes(key))].map((key) => [key, map[key]]));
}

export type Parsed = { ok: true; object: KubeObject } | { ok: false; message: string; line: number };

/** The one object of a text, or the first thing that is wrong with it. Lines count from 1. */
export function parse(text: string): Parsed {
  const all = parseAll(text);
  if (!all.ok) return all;
  const [object] = all.objects;
  if (object === undefined) return { ok: false, message: 'empty', line: 1 };
  if (all.objects.length > 1) return { ok: false, message: 'several', line: 1 };
  return { ok: true, object };
}

export type ParsedAll = { ok: true; objects: KubeObject[] } | { ok: false; message: string; line: number };

/** Every object of a text of one or more documents; empty documents are left out, lists are opened. */
export function parseAll(text: string): ParsedAll {
  const objects: KubeObject[] = [];
  for (const document of documents(text)) {
    const error = document.errors[0];
    if (error !== undefined)
      return { ok: false, message: error.message.split('\n')[0] ?? '', line: error.linePos?.[0].line ?? 1 };
    const value = document.toJS({ maxAliasCount: 100 }) as unknown;
    if (value === null || value === undefined) continue;
    if (!isMap(value)) return { ok: false, message: 'not-an-object', line: 1 };
    if (Array.isArray(value.items) && String(value.kind).endsWith('List'))
      objects.push(...(value.items as unknown as KubeObject[]));
    else objects.push({ ...value, metadata: value.metadata ?? {} } as unknown as KubeObject);
  }
  return { ok: true, objects };
}

function documents(text: string): Document.Parsed[] {
  const parsed = parseAllDocuments(text, { prettyErrors: true });
  return Array.isArray(parsed) ? parsed : [];
}

/** The text with the changes made, comments and order kept. The text must be one document without errors. */
export function applyChanges(text: string, changes: Change[]): string {
  if (changes.length === 0) return text;
  const document = parseDocument(text);
  for (const change of changes) apply(document, change);
  return document.toString({ lineWidth: 0, indentSeq: !/^( *)[^\s#-][^\n]*:[ \t]*\n\1- /m.test(text) });
}

function apply(document: Document, { path, value, order }: Change): void {
  const steps = positions(document, path);
  if (order !== undefined) {
    const list = document.getIn(steps, true);
    const place = (item: unknown) => {
      const index = order.values.indexOf(isYamlMap(item) ? (item.get(order.key) as string | number) : '');
      return index === -1 ? order.values.length : index;
    };
    if (isSeq(list)) list.items.sort((a, b) => place(a) - place(b));
    return;
  }
  if (value === undefined) {
    document.deleteIn(steps);
    return;
  }
  const old = document.getIn(steps, true);
  const fresh = document.createNode(value);
  if (isScalar(old) && isScalar(fresh)) {
    old.value = fresh.value;
    if (typeof fresh.value !== 'string') delete old.type;
    delete old.source;
    return;
  }
  if (isCollection(old)) fresh.comment = old.comment ?? null;
  document.setIn(steps, fresh);
}

/** Keys and indexes as the document has them; the item that is not there yet gets the place behind the last. */
function positions(document: Document, path: Path): (string | number)[] {
  const out: (string | number)[] = [];
  for (const step of path) {
    if (typeof step === 'string') {
      out.push(step);
      continue;
    }
    const list = document.getIn(out, true);
    const items = isSeq(list) ? list.items : [];
    const index = items.findIndex((item) => isYamlMap(item) && (item.get(step.key) as Json) === step.value);
    out.push(index === -1 ? items.length : index);
  }
  return out;
}

/** The smallest run of characters to replace so that one text becomes the other. */
export function replacement(from: string, to: string): { from: number; to: number; insert: string } | null {
  if (from === to) return null;
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  let end = 0;
  const most = Math.min(from.length, to.length) - start;
  while (end < most && from[from.length - 1 - end] === to[to.length - 1 - end]) end++;
  return { from: start, to: from.length - end, insert: to.slice(start, to.length - end) };
}

/** The range of characters of what is at `path`, for marks in the gutter; null when the text has no such thing. */
export function rangeOf(text: string, path: Path): { from: number; to: number } | null {
  const document = parseDocument(text);
  if (document.errors.length > 0) return null;
  const node = document.getIn(positions(document, path), true) as
    | { range?: [number, number, number] | null }
    | undefined;
  return node?.range ? { from: node.range[0], to: node.range[1] } : null;
}
