/**
 * The cluster's own OpenAPI v3, built-in and custom kinds alike: one document per group and version, fetched when first
 * needed, kept for as long as its address (which carries a hash of its content) stays the same.
 */
import { isMap, type Json } from '../json';

export interface Schema {
  type?: string;
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  required?: string[];
  enum?: Json[];
  default?: Json;
  minimum?: number;
  $ref?: string;
  allOf?: Schema[];
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  oneOf?: Schema[];
}

export interface OpenApi {
  components?: { schemas?: Record<string, Schema> };
}

/** A kind's schema and the document in which its references are looked up. */
export interface Rooted {
  document: OpenApi;
  schema: Schema;
}

type Fetch = (path: string) => Promise<unknown>;
type Index = { paths?: Record<string, { serverRelativeURL: string }> };

export class Schemas {
  private index: Promise<Index> | undefined;
  private readonly documents = new Map<string, Promise<OpenApi>>();

  constructor(private readonly fetch: Fetch) {}

  /** Looks at the index again, for kinds that came or changed. Documents that did not change stay. */
  refresh(): void {
    this.index = undefined;
  }

  /** The values `apiVersion` can have. */
  async apiVersions(): Promise<string[]> {
    const { paths = {} } = await this.paths();
    return Object.keys(paths).flatMap((path) => {
      const core = /^api\/(v[^/]+)$/.exec(path);
      const named = /^apis\/([^/]+\/[^/]+)$/.exec(path);
      return core?.[1] ?? named?.[1] ?? [];
    });
  }

  /** The kinds that can be written in a group and version. */
  async kinds(apiVersion: string): Promise<string[]> {
    const document = await this.document(apiVersion);
    const found = Object.values(document?.components?.schemas ?? {}).flatMap((schema) =>
      isKind(schema) ? (schema['x-kubernetes-group-version-kind'] ?? []) : [],
    );
    return [...new Set(found.filter((kind) => gvOf(kind) === apiVersion).map(({ kind }) => kind))].sort();
  }

  /** Null for a kind that the cluster does not know. */
  async root(apiVersion: string, kind: string): Promise<Rooted | null> {
    const document = await this.document(apiVersion);
    if (document === null) return null;
    const schema = Object.values(document.components?.schemas ?? {}).find((candidate) =>
      candidate['x-kubernetes-group-version-kind']?.some((one) => one.kind === kind && gvOf(one) === apiVersion),
    );
    return schema === undefined ? null : { document, schema };
  }

  private async document(apiVersion: string): Promise<OpenApi | null> {
    const { paths = {} } = await this.paths();
    const url = paths[apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`]?.serverRelativeURL;
    if (url === undefined) return null;
    let document = this.documents.get(url);
    if (document === undefined) {
      document = this.fetch(url) as Promise<OpenApi>;
      this.documents.set(url, document);
      document.catch(() => this.documents.delete(url));
    }
    return document;
  }

  private paths(): Promise<Index> {
    if (this.index === undefined) {
      const index = this.fetch('/openapi/v3') as Promise<Index>;
      index.catch(() => this.refresh());
      this.index = index;
    }
    return this.index;
  }
}

function gvOf({ group, version }: { group: string; version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

function isKind(schema: Schema): boolean {
  const { metadata, items } = schema.properties ?? {};
  return metadata !== undefined && items === undefined;
}

/** The schema itself instead of a reference to it; what stands beside the reference (a description) wins. */
export function resolve(document: OpenApi, schema: Schema): Schema {
  let out = schema;
  for (let depth = 0; depth < 8; depth++) {
    const { $ref, allOf, ...beside } = out;
    const name = $ref?.split('/').pop();
    const parts = [...(name === undefined ? [] : [document.components?.schemas?.[name] ?? {}]), ...(allOf ?? [])];
    if (parts.length === 0) return out;
    out = Object.assign({}, ...parts, definedOnly(beside)) as Schema;
  }
  return out;
}

function definedOnly(schema: Schema): Schema {
  const filled = Object.entries(schema).filter(([key, value]) => value !== undefined && key !== 'default');
  return Object.fromEntries(filled) as Schema;
}

/** Whether the schema lets in keys that it does not name. */
export function isOpen(schema: Schema): boolean {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return true;
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) return true;
  return schema.properties === undefined;
}

/** The schema of one step down: a key of a map, or (any number) an item of a list. Null where nothing is known. */
export function child(document: OpenApi, schema: Schema, step: string | number): Schema | null {
  const parent = resolve(document, schema);
  if (typeof step === 'number') return parent.items === undefined ? null : resolve(document, parent.items);
  const property = parent.properties?.[step];
  if (property !== undefined) return resolve(document, property);
  return isMap(parent.additionalProperties) ? resolve(document, parent.additionalProperties as Schema) : null;
}

export function descend({ document, schema }: Rooted, path: (string | number)[]): Schema | null {
  let here: Schema | null = resolve(document, schema);
  for (const step of path) {
    if (here === null) return null;
    here = child(document, here, step);
  }
  return here;
}

/** The type in a word or two, as `kubectl explain` writes it: `[]string`, `map[string]string`, `Object`. */
export function typeName(document: OpenApi, schema: Schema): string {
  const { type, items, additionalProperties, format, ...rest } = resolve(document, schema);
  if (rest['x-kubernetes-int-or-string'] || format === 'int-or-string') return 'int or string';
  if (type === 'array') return `[]${items === undefined ? 'any' : typeName(document, items)}`;
  if (isMap(additionalProperties)) return `map[string]${typeName(document, additionalProperties as Schema)}`;
  if (rest.properties !== undefined) return 'Object';
  return format === 'date-time' ? 'time' : (type ?? (rest.oneOf ? 'int or string' : 'any'));
}
