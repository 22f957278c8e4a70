import { expect, it } from 'vitest';
import type { Resource } from '../kinds/discovery';
import { parseCommand, parseOrder, ranked } from './command';

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
  ['pods !a /b.*/ /c/d', { filter: '!a /b.*/ /c/d' }],
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

const of = (resource: string, group: string, short: string, subresources: string[] = []): Resource => ({
  ...pods,
  group,
  resource,
  kind: resource,
  singular: resource.slice(0, -1),
  short: [short],
  subresources,
});
const cluster = [
  pods,
  of('deployments', 'apps', 'deploy', ['scale']),
  of('statefulsets', 'apps', 'sts', ['scale']),
  of('replicasets', 'apps', 'rs', ['scale']),
  of('nodes', '', 'no'),
];

const order = (line: string) => parseOrder(line, cluster, ['shop'], (id) => (id === 'cordon' ? 'Sperren' : id));

it.each([
  ['restart', ['restart'], ['deployments', 'statefulsets'], { named: false }],
  ['restart web', ['restart'], ['deployments', 'statefulsets'], { filter: 'web' }],
  ['Restart deploy web', ['restart'], ['deployments'], { filter: 'web' }],
  ['restart deploy/web', ['restart'], ['deployments'], { filter: 'web' }],
  ['scale sts web shop 5', ['scale'], ['statefulsets'], { filter: 'web', namespaces: ['shop'], replicas: '5' }],
  ['scale 5', ['scale'], ['deployments', 'statefulsets', 'replicasets'], { named: false, replicas: '5' }],
  [
    'logs web -n a -l app=web',
    ['logs'],
    ['pods', 'deployments', 'statefulsets'],
    { filter: 'web', namespaces: ['a'], labels: 'app=web' },
  ],
  ['exec web @dev', ['shell'], ['pods', 'nodes'], { filter: 'web', cluster: 'dev' }],
  ['sperren worker-1', ['cordon'], ['nodes'], { filter: 'worker-1' }],
  ['drain no worker-1', ['drain'], ['nodes'], { filter: 'worker-1' }],
  // The kind has no such action.
  ['drain pods web', ['drain'], [], { filter: 'web' }],
])('reads the order "%s"', (line, actions, resources, expected) => {
  const found = order(line);
  expect(found?.actions.map(({ id }) => id)).toEqual(actions);
  expect(found?.resources.map(({ resource }) => resource)).toEqual(resources);
  expect(found).toMatchObject({ named: true, namespaces: [], cluster: '', ...expected });
});

it('takes no order from a line that begins with no verb', () => {
  expect(order('pods web')).toBeNull();
  expect(order('')).toBeNull();
});
