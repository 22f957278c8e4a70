import { describe, expect, it } from 'vitest';
import { check, explain, nearest, suggest } from './assist';
import { Schemas } from './schemas';

const gvk = (kind: string, group = 'apps') => ({ 'x-kubernetes-group-version-kind': [{ group, version: 'v1', kind }] });
const document = {
  components: {
    schemas: {
      Deployment: {
        ...gvk('Deployment'),
        type: 'object',
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          metadata: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              labels: { type: 'object', additionalProperties: { type: 'string' } },
            },
          },
          spec: { description: 'What is wanted.', allOf: [{ $ref: '#/components/schemas/Spec' }], default: {} },
          status: { type: 'object' },
        },
      },
      Spec: {
        type: 'object',
        required: ['selector'],
        properties: {
          replicas: { type: 'integer', description: 'How many.', default: 1 },
          paused: { type: 'boolean' },
          selector: { type: 'object', properties: {} },
          policy: { type: 'string', enum: ['Always', 'Never'], default: 'Always' },
          port: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
          containers: { type: 'array', items: { $ref: '#/components/schemas/Container' } },
        },
      },
      Container: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, args: { type: 'array', items: { type: 'string' } } },
      },
      Widget: {
        ...gvk('Widget'),
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        properties: { metadata: {} },
      },
    },
  },
};

function schemas() {
  const fetched: string[] = [];
  const fetch = async (path: string) => {
    fetched.push(path);
    return path === '/openapi/v3'
      ? {
          paths: {
            'apis/apps/v1': { serverRelativeURL: '/openapi/v3/apis/apps/v1?hash=A' },
            'api/v1': { serverRelativeURL: '/openapi/v3/api/v1?hash=B' },
            version: { serverRelativeURL: '/v' },
          },
        }
      : document;
  };
  return { schemas: new Schemas(fetch), fetched };
}

const head = 'apiVersion: apps/v1\nkind: Deployment\n';

describe('suggest', () => {
  const cases: [string, string, string[]][] = [
    [
      'keys that are not there yet',
      `${head}spec:\n  replicas: 1\n  |`,
      ['containers', 'paused', 'policy', 'port', 'selector'],
    ],
    ['keys of an item', `${head}spec:\n  containers:\n    - |`, ['args', 'name']],
    ['allowed values', `${head}spec:\n  policy: |`, ['Always', 'Never']],
    ['true and false', `${head}spec:\n  paused: |`, ['false', 'true']],
    ['no status at the root', `${head}|`, ['metadata', 'spec']],
    ['versions', 'apiVersion: |', ['apps/v1', 'v1']],
    ['kinds of the version', 'apiVersion: apps/v1\nkind: |', ['Deployment', 'Widget']],
    ['the first keys of an empty text', '|', ['apiVersion', 'kind', 'metadata']],
  ];
  it.each(cases)('%s', async (_, marked, labels) => {
    const found = await suggest(schemas().schemas, marked.replace('|', ''), marked.indexOf('|'));
    expect(found?.options.map(({ label }) => label).sort()).toEqual(labels);
  });

  it('inserts what comes next with its indentation', async () => {
    const text = `${head}spec:\n  `;
    const found = await suggest(schemas().schemas, text, text.length);
    const inserts = Object.fromEntries(found?.options.map(({ label, insert }) => [label, insert]) ?? []);
    expect(inserts).toMatchObject({
      replicas: 'replicas: ',
      containers: 'containers:\n    - ',
      selector: 'selector:\n    ',
    });
  });
});

describe('explain', () => {
  it('tells type, meaning and default', async () => {
    const text = `${head}spec:\n  replicas: 1\n`;
    expect(await explain(schemas().schemas, text, text.indexOf('replicas') + 3)).toMatchObject({
      path: 'spec.replicas',
      type: 'integer',
      description: 'How many.',
      fallback: '1',
    });
    expect(await explain(schemas().schemas, text, text.indexOf('spec'))).toMatchObject({
      description: 'What is wanted.',
      type: 'Object',
    });
  });
});

describe('check', () => {
  const cases: [string, string, object[]][] = [
    ['nothing', 'spec:\n  selector: {}\n  port: http\n  replicas: 3\n', []],
    [
      'a field nobody knows, and the one that was meant',
      'spec:\n  selector: {}\n  replica: 3\n',
      [{ code: 'unknownField', field: 'replica', meant: 'replicas' }],
    ],
    ['a string for a number', 'spec:\n  selector: {}\n  replicas: "3"\n', [{ code: 'wrongType', expected: 'integer' }]],
    ['a map for a list', 'spec:\n  selector: {}\n  containers: {}\n', [{ code: 'wrongType', expected: '[]Object' }]],
    [
      'a value that is not allowed',
      'spec:\n  selector: {}\n  policy: Maybe\n',
      [{ code: 'notAllowed', allowed: 'Always, Never' }],
    ],
    [
      'what is missing',
      'spec:\n  selector: {}\n  containers:\n    - args: [a]\n',
      [{ code: 'missing', field: 'name' }],
    ],
    ['labels are strings', 'metadata:\n  labels:\n    a: 1\n', [{ code: 'wrongType', expected: 'string' }]],
    ['keys given twice', 'spec:\n  selector: {}\n  paused: true\n  paused: false\n', [{ code: 'syntax' }]],
  ];
  it.each(cases)('%s', async (_, body, expected) => {
    const faults = await check(schemas().schemas, head + body);
    expect(faults).toHaveLength(expected.length);
    expect(faults).toMatchObject(expected);
  });
  it('leaves open kinds alone and names unknown ones', async () => {
    expect(await check(schemas().schemas, 'apiVersion: apps/v1\nkind: Widget\nany: thing\n')).toEqual([]);
    expect(await check(schemas().schemas, 'apiVersion: apps/v1\nkind: Gadget\n')).toMatchObject([
      { code: 'unknownKind' },
    ]);
  });
});

describe('Schemas', () => {
  it('fetches a document once for all questions, and again only when its address changed', async () => {
    const { schemas: all, fetched } = schemas();
    await all.root('apps/v1', 'Deployment');
    await all.kinds('apps/v1');
    all.refresh();
    await all.root('apps/v1', 'Deployment');
    expect(fetched).toEqual(['/openapi/v3', '/openapi/v3/apis/apps/v1?hash=A', '/openapi/v3']);
  });
});

it('nearest forgives two letters and any case', () => {
  expect([
    nearest('imagePullpolicy', ['image', 'imagePullPolicy']),
    nearest('nmae', ['name']),
    nearest('zebra', ['name']),
  ]).toEqual(['imagePullPolicy', 'name', '']);
});
