/** What a new object must have at least, read from its kind's schema. Pure but for asking for the schema. */
import { stringify } from 'yaml';
import { BARE } from '../../kinds/templates';
import { isMap, type Json } from '../json';
import { parseAll } from './document';
import { child, type OpenApi, resolve, type Schema, type Schemas } from './schemas';

/** Schemas may contain themselves. */
const DEEPEST = 6;
const HEAD = ['apiVersion', 'kind', 'metadata'];

/** A value that has the form: its default, the first that is allowed, or an empty one with the fields it requires. */
export function skeleton(document: OpenApi, schema: Schema, depth = 0): Json {
  const { default: usual, enum: allowed, type, required = [], minimum = 0 } = resolve(document, schema);
  if (usual !== undefined && !isMap(usual)) return usual;
  if (allowed?.[0] !== undefined) return allowed[0];
  switch (type) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return minimum;
    case 'boolean':
      return false;
    case 'array':
      return [];
    default: {
      const names = depth < DEEPEST ? required : [];
      return Object.fromEntries(
        names.map((name) => [name, skeleton(document, child(document, schema, name) ?? {}, depth + 1)]),
      );
    }
  }
}

/** A template with what its kind requires in the place of an empty body; as it is when that is not known. */
export async function filled(schemas: Pick<Schemas, 'root'>, template: string): Promise<string> {
  const parsed = parseAll(template);
  const object = parsed.ok ? parsed.objects[0] : undefined;
  const root = object && template.endsWith(BARE) ? await schemas.root(object.apiVersion, object.kind) : null;
  if (root === null) return template;
  const { document, schema } = root;
  const { properties = {}, required = [] } = resolve(document, schema);
  const wanted = new Set([...Object.keys(properties).filter((name) => name === 'spec'), ...required]);
  const body = [...wanted]
    .filter((name) => !HEAD.includes(name))
    .map((name) => [name, skeleton(document, child(document, schema, name) ?? {})]);
  return template.slice(0, -BARE.length) + (body.length > 0 ? stringify(Object.fromEntries(body)) : '');
}
