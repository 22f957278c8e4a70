import { expect, it } from 'vitest';
import type { Resource } from '../kinds/discovery';
import { parseCommand, ranked } from './command';

const pods: Resource = {
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  namespaced: true,
  verbs: ['list'],
  short: ['po'],
  singular: 'pod',
  subresources: [],
  custom: false,
};

it.each([
  ['po', {}],
  ['pods web', { filter: 'web' }],
  ['pods shop /crash', { namespaces: ['shop'], filter: 'crash' }],
  ['pod -n shop -l app=web @dev', { namespaces: ['shop'], labels: 'app=web', cluster: 'dev' }],
  ['pods a b /c', { filter: 'a b c' }],
])('reads "%s"', (line, expected) => {
  expect(parseCommand(line, [pods], ['shop'])).toEqual({
    resource: pods,
    exact: true,
    namespaces: [],
    cluster: '',
    filter: '',
    labels: '',
    ...expected,
  });
});

it('knows no kind in other words', () => {
  expect(parseCommand('hello', [pods], []).resource).toBeUndefined();
});

const kinds = ['podtemplates', 'pods', 'poddisruptionbudgets'].map((resource) => ({ ...pods, resource, short: [] }));

it.each([
  ['pods', 'pods', true],
  ['podd web', 'poddisruptionbudgets', false],
  ['po web', 'pods', false],
  // One word alone is still being typed, and one letter begins too much.
  ['podd', undefined, false],
  ['p web', undefined, false],
])('takes the first word of "%s" for %s', (line, resource, exact) => {
  const command = parseCommand(line, kinds, []);
  expect([command.resource?.resource, command.exact]).toEqual([resource, exact]);
});

it('offers the kind that is named first, and each thing once', () => {
  const entries = (...ids: string[]) => ids.map((id) => ({ id }));
  const [kind, letters] = [entries('pods', 'a', 'b', 'c', 'd', 'e'), entries('policies', 'pods', 'portal')];
  const order = (exact: boolean) => ranked({ exact }, kind, letters, 8).map(({ id }) => id);
  expect(order(true)).toEqual(['pods', 'a', 'b', 'c', 'policies', 'portal']);
  expect(order(false)).toEqual(['policies', 'pods', 'portal', 'a', 'b', 'c', 'd', 'e']);
  expect(ranked({ exact: false }, [], letters, 2)).toEqual(entries('policies', 'pods'));
});
