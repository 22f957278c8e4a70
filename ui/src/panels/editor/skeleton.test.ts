import { expect, it } from 'vitest';
import { BARE } from '../../kinds/templates';
import type { Schema } from './schemas';
import { filled } from './skeleton';

const head = 'apiVersion: example.com/v1\nkind: Cat\nmetadata:\n  name: my-cat\n';
const fill = (schema: Schema | null, text = head + BARE) =>
  filled({ root: async () => schema && { document: {}, schema: { type: 'object', ...schema } } }, text);
const ofSpec = (spec: Schema) => ({ properties: { spec: { type: 'object', ...spec } } });

it.each<[string, Schema | null, string]>([
  ['an unknown kind stays as it is', null, BARE],
  ['nothing required: an empty specification', ofSpec({ properties: { lives: { type: 'integer' } } }), BARE],
  ['no specification: none', { properties: { data: { type: 'object' } } }, ''],
  [
    'what is required, with what is usual or allowed',
    ofSpec({
      required: ['colour', 'lives', 'owner', 'toys', 'size'],
      properties: {
        colour: { type: 'string', enum: ['black', 'white'] },
        lives: { type: 'integer', minimum: 1 },
        owner: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
        toys: { type: 'array', items: { type: 'string' } },
        size: { type: 'integer', default: 3 },
        age: { type: 'integer' },
      },
    }),
    'spec:\n  colour: black\n  lives: 1\n  owner:\n    name: ""\n  toys: []\n  size: 3\n',
  ],
  [
    'required beside the specification',
    { required: ['value'], properties: { value: { type: 'integer' } } },
    'value: 0\n',
  ],
])('%s', async (_name, schema, expected) => {
  expect(await fill(schema)).toBe(head + expected);
});

it('a template with a body of its own stays as it is', async () => {
  expect(await fill(ofSpec({ required: ['a'] }), `${head}spec:\n  a: 1\n`)).toBe(`${head}spec:\n  a: 1\n`);
});
