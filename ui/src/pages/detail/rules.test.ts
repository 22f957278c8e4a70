import { expect, it } from 'vitest';
import { distinct } from './Rules';

it('shows a rule that stands in a role twice once, each line with a key of its own', () => {
  const [get, list] = [{ verbs: ['get'] }, { verbs: ['list'] }];
  const shown = distinct([get, list, { ...get }]);
  expect(shown.map(([, rule]) => rule)).toEqual([get, list]);
  expect(new Set(shown.map(([key]) => key)).size).toBe(2);
});
