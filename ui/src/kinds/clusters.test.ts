import { expect, it } from 'vitest';
import { addCommand, clusterActions, contextCommand, isAsleep, type Numbers, upCommand, wrongNumber } from './clusters';

it.each([
  ['masters', 1, ''],
  ['masters', 3, ''],
  ['masters', 2, 'create.odd'],
  ['masters', 0, 'create.count'],
  ['masters', 11, 'create.count'],
  ['workers', 0, 'create.count'],
  ['workers', 1.5, 'create.count'],
  ['workers', Number.NaN, 'create.count'],
  ['simulated', 0, ''],
] satisfies [keyof Numbers, number, string][])('of %s, %d is said to be "%s"', (of, value, expected) => {
  expect(wrongNumber(of, value)).toBe(expected);
});

it('tells the commands that do the same as the forms', () => {
  const numbers = { masters: 1, workers: 2, simulated: 0 };
  expect(upCommand('dev', numbers, false)).toBe('devcluster up --name dev --masters 1 --workers 2');
  expect(upCommand('dev', { ...numbers, workers: Number.NaN, simulated: 50 }, true)).toBe(
    'devcluster up --name dev --masters 1 --workers … --simulated 50 && devcluster demo --name dev',
  );
  expect(addCommand('dev', 2, false)).toBe('devcluster node add 2 --name dev');
  expect(addCommand('dev', 50, true)).toBe('devcluster node add --simulated 50 --name dev');
  expect(contextCommand('dev')).toBe('kubectl config use-context devcluster-dev');
});

it.each([
  ['running', ['running'], false],
  ['stopped', ['exited'], true],
  ['paused', ['paused'], true],
  ['partial', ['running'], false],
  ['partial', ['exited'], true],
  ['partial', ['running', 'running', 'exited'], false],
  ['partial', ['running', 'exited', 'exited'], true],
] as const)('a cluster that is %s, with masters %j, is asleep: %s', (state, masters, expected) => {
  const nodes = masters.map((of) => ({ name: 'm', role: 'master' as const, state: of, address: '' }));
  const worker = { name: 'w', role: 'worker' as const, state: 'exited', address: '' };
  expect(isAsleep({ state, nodes: [...nodes, worker] })).toBe(expected);
});

it.each([
  ['running', '', 'add demo pause stop delete'],
  ['stopped', '', 'start delete'],
  ['paused', '', 'unpause delete'],
  ['partial', '', 'start add demo pause stop delete'],
  ['partial', 'start', 'add demo pause stop delete'],
  ['creating', 'create', 'delete'],
  ['running', 'delete', ''],
] as const)('with a cluster that is %s, and of which runs "%s", one can do "%s"', (state, action, expected) => {
  const operations = [
    { cluster: 'dev', action, state: 'running' as const },
    { cluster: 'other', action: 'delete', state: 'running' as const },
    { cluster: 'dev', action: 'delete', state: 'done' as const },
  ];
  expect(clusterActions({ name: 'dev', state }, action ? operations : operations.slice(1)).join(' ')).toBe(expected);
});
