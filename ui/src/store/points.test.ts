import { expect, it } from 'vitest';
import { pointsAfter } from './points';

const point = (at: string) => ({ at, nodes: [], pods: [] });
const message = (at: string, points?: string[]) => ({
  type: 'metrics' as const,
  view: 1,
  ...point(at),
  ...(points && { points: points.map(point) }),
});

it('has each measurement once, whether it was kept by the agent or comes alone', () => {
  const kept = pointsAfter([], message('b', ['a', 'b']));
  expect(kept.map(({ at }) => at)).toEqual(['a', 'b']);
  expect(pointsAfter(kept, message('b'))).toBe(kept);
  expect(pointsAfter(kept, message('c')).map(({ at }) => at)).toEqual(['a', 'b', 'c']);
});
