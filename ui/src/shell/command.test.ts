import { expect, it } from 'vitest';
import type { Resource } from '../kinds/discovery';
import { parseCommand } from './command';

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
