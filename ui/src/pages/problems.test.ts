import { expect, it } from 'vitest';
import type { Problem } from '../api/contract';
import { alike } from './problems';

it('takes what is said in the same words of one kind in one namespace together, in the order of the first', () => {
  const problem = (name: string, text: string, more: Partial<Problem> = {}) =>
    ({ group: '', resource: 'pods', namespace: 'shop', name, why: { text }, ...more }) as Problem;
  const groups = alike([
    problem('a', 'cannot start'),
    problem('b', 'out of memory'),
    problem('c', 'cannot start'),
    problem('d', 'cannot start', { namespace: 'other' }),
    problem('e', 'cannot start', { resource: 'jobs', group: 'batch' }),
  ]);
  expect(groups.map((group) => group.map(({ name }) => name))).toEqual([['a', 'c'], ['b'], ['d'], ['e']]);
});
