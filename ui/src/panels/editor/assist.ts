/** What the editor says about the text: suggestions, explanations and faults, all from the cluster's schemas. */
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import { contextAt, keyAt } from './context';
import {
  child,
  descend,
  isOpen,
  type OpenApi,
  type Rooted,
  resolve,
  type Schema,
  type Schemas,
  typeName,
} from './schemas';

export interface Suggestion {
  label: string;
  detail: string;
  description: string;
  /** What is put into the text, with indentation. */
  insert: string;
  required: boolean;
}

export interface Suggestions {
  from: number;
  options: Suggestion[];
}

export async function suggest(schemas: Schemas, text: string, offset: number): Promise<Suggestions | null> {
  const context = contextAt(text, offset);
  if (context === null) return null;
  const from = offset - context.word.length;
  if (context.path.length === 0 && context.key === 'apiVersion')
    return { from, options: (await schemas.apiVersions()).map(plain) };
  if (context.path.length === 0 && context.key === 'kind')
    return { from, options: (await schemas.kinds(context.apiVersion)).map(plain) };
  const root = await schemas.root(context.apiVersion, context.kind);
  if (root === null) {
    return context.path.length === 0 && context.key === null
      ? { from, options: ['apiVersion', 'kind', 'metadata'].filter((key) => !context.siblings.includes(key)).map(bare) }
      : null;
  }
  const parent = descend(root, context.path);
  if (parent === null) return null;
  if (context.key !== null) {
    const value = child(root.document, parent, context.key);
    return value === null ? null : { from, options: values(value) };
  }
  const scalars = context.item ? values(parent) : [];
  const keys = Object.entries(parent.properties ?? {})
    .filter(([key]) => !context.siblings.includes(key) && !(context.path.length === 0 && key === 'status'))
    .map(([key, schema]) => keyOf(root.document, parent, key, schema, context.indent));
  return { from, options: [...scalars, ...keys] };
}

function plain(label: string): Suggestion {
  return { label, detail: '', description: '', insert: label, required: false };
}

function bare(key: string): Suggestion {
  return {
    label: key,
    detail: '',
    description: '',
    insert: key === 'metadata' ? 'metadata:\n  name: ' : `${key}: `,
    required: true,
  };
}

function values(schema: Schema): Suggestion[] {
  const options = schema.enum ?? (schema.type === 'boolean' ? [true, false] : []);
  return options.map((value) => ({ ...plain(String(value)), detail: value === schema.default ? 'default' : '' }));
}

function keyOf(document: OpenApi, parent: Schema, key: string, schema: Schema, indent: number): Suggestion {
  const resolved = resolve(document, schema);
  const pad = ' '.repeat(indent + 2);
  const list = resolved.type === 'array';
  const map = resolved.properties !== undefined || (typeof resolved.additionalProperties === 'object' && !list);
  return {
    label: key,
    detail: typeName(document, resolved),
    description: schema.description ?? resolved.description ?? '',
    insert: list ? `${key}:\n${pad}- ` : map ? `${key}:\n${pad}` : `${key}: `,
    required: parent.required?.includes(key) ?? false,
  };
}

export interface Explanation {
  from: number;
  to: number;
  path: string;
  type: string;
  description: string;
  required: boolean;
  values: string[];
  fallback: string;
}

/** What the key at the offset means, in the words of the cluster's documentation. */
export async function explain(schemas: Schemas, text: string, offset: number): Promise<Explanation | null> {
  const found = keyAt(text, offset);
  if (found === null || found.context.key === null) return null;
  const { path, key, apiVersion, kind } = found.context;
  const root = await schemas.root(apiVersion, kind);
  const parent = root === null ? null : descend(root, path);
  if (root === null || parent === null) return null;
  const schema = child(root.document, parent, key);
  if (schema === null) return null;
  return {
    from: found.from,
    to: found.to,
    path: [...path.filter((step) => typeof step === 'string'), key].join('.'),
    type: typeName(root.document, schema),
    description: schema.description ?? '',
    required: parent.required?.includes(key) ?? false,
    values: (schema.enum ?? []).map(String),
    fallback: schema.default === undefined || typeof schema.default === 'object' ? '' : String(schema.default),
  };
}

export type Fault = { from: number; to: number } & (
  | { code: 'syntax'; message: string }
  | { code: 'unknownKind'; kind: string }
  | { code: 'unknownField'; field: string; meant: string }
  | { code: 'wrongType'; expected: string }
  | { code: 'notAllowed'; allowed: string }
  | { code: 'missing'; field: string }
);

/** Everything that the schemas find wrong with the text. */
export async function check(schemas: Schemas, text: string): Promise<Fault[]> {
  const faults: Fault[] = [];
  const parsed = parseAllDocuments(text, { lineCounter: new LineCounter(), prettyErrors: false });
  for (const document of Array.isArray(parsed) ? parsed : []) {
    for (const error of document.errors)
      faults.push({ from: error.pos[0], to: error.pos[1], code: 'syntax', message: error.message });
    const { contents } = document;
    if (document.errors.length > 0 || !isMap(contents)) continue;
    const [apiVersion, kind] = [contents.get('apiVersion'), contents.get('kind')];
    if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
      const at = contents.range?.[0] ?? 0;
      faults.push({ from: at, to: at, code: 'missing', field: typeof apiVersion === 'string' ? 'kind' : 'apiVersion' });
      continue;
    }
    const root = await schemas.root(apiVersion, kind);
    if (root === null) {
      const node = contents.get('kind', true) as { range?: [number, number, number] } | undefined;
      faults.push({
        from: node?.range?.[0] ?? 0,
        to: node?.range?.[1] ?? 0,
        code: 'unknownKind',
        kind: `${apiVersion} ${kind}`,
      });
    } else {
      visit(root, root.schema, contents, faults);
    }
  }
  return faults;
}

function visit(root: Rooted, unresolved: Schema, node: unknown, faults: Fault[]): void {
  const schema = resolve(root.document, unresolved);
  const range = (node as { range?: [number, number, number] | null } | null)?.range;
  const at = { from: range?.[0] ?? 0, to: range?.[1] ?? 0 };
  if (isMap(node)) {
    if (!fits(schema, 'object')) faults.push({ ...at, code: 'wrongType', expected: typeName(root.document, schema) });
    else visitMap(root, schema, node, at, faults);
  } else if (isSeq(node)) {
    if (!fits(schema, 'array')) faults.push({ ...at, code: 'wrongType', expected: typeName(root.document, schema) });
    else if (schema.items !== undefined) for (const item of node.items) visit(root, schema.items, item, faults);
  } else if (isScalar(node) && node.value !== null) {
    if (!fitsScalar(schema, node.value))
      faults.push({ ...at, code: 'wrongType', expected: typeName(root.document, schema) });
    else if (schema.enum !== undefined && !schema.enum.includes(node.value as string)) {
      faults.push({ ...at, code: 'notAllowed', allowed: schema.enum.join(', ') });
    }
  }
}

function visitMap(
  root: Rooted,
  schema: Schema,
  node: import('yaml').YAMLMap,
  at: { from: number; to: number },
  faults: Fault[],
): void {
  const known = Object.keys(schema.properties ?? {});
  for (const pair of node.items) {
    const name = isScalar(pair.key) ? String(pair.key.value) : '';
    const range = (pair.key as { range?: [number, number, number] | null } | null)?.range;
    const value = child(root.document, schema, name);
    if (value !== null) visit(root, value, pair.value, faults);
    else if (!isOpen(schema)) {
      faults.push({
        from: range?.[0] ?? at.from,
        to: range?.[1] ?? at.to,
        code: 'unknownField',
        field: name,
        meant: nearest(name, known),
      });
    }
  }
  for (const field of schema.required ?? []) {
    const given = schema.properties?.[field]?.default !== undefined;
    if (!node.has(field) && !given)
      faults.push({ from: at.from, to: Math.min(at.to, at.from + 1), code: 'missing', field });
  }
}

function fits(schema: Schema, type: string): boolean {
  return schema.type === undefined ? schema.oneOf === undefined : schema.type === type;
}

function fitsScalar(schema: Schema, value: unknown): boolean {
  if (schema['x-kubernetes-int-or-string'] === true || schema.oneOf !== undefined || schema.type === undefined)
    return true;
  switch (schema.type) {
    case 'string':
      return typeof value === 'string' || (schema.format === 'int-or-string' && typeof value === 'number');
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    default:
      return false;
  }
}

/** The known name that differs by the fewest letters, if by no more than two or only in case. */
export function nearest(word: string, known: string[]): string {
  let best = '';
  let least = 3;
  for (const candidate of known) {
    const steps = candidate.toLowerCase() === word.toLowerCase() ? 0 : distance(word, candidate);
    if (steps < least) [best, least] = [candidate, steps];
  }
  return best;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
