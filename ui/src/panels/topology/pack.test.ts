import { describe, expect, it } from 'vitest';
import { groups, pack } from './pack';

it('groups are what edges join, in the order of the nodes', () => {
  const edges = [
    { from: 'c', to: 'a' },
    { from: 'c', to: 'd' },
    { from: 'b', to: 'elsewhere' },
  ];
  expect(groups(['a', 'b', 'c', 'd', 'e'], edges)).toEqual([['a', 'c', 'd'], ['b'], ['e']]);
});

describe('pack', () => {
  const box = (width: number, height: number) => ({ width, height });
  const cases: [string, ReturnType<typeof box>[], { x: number; y: number }[]][] = [
    ['nothing', [], []],
    ['one box at the start', [box(300, 900)], [{ x: 0, y: 0 }]],
    [
      'a tall one beside small ones',
      [box(100, 400), box(50, 100), box(80, 100)],
      [
        { x: 0, y: 0 },
        { x: 110, y: 0 },
        { x: 110, y: 110 },
      ],
    ],
  ];
  it.each(cases)('%s', (_name, boxes, places) => expect(pack(boxes, 10)).toEqual(places));

  it('wide ones among small ones stand above each other rather than side by side', () => {
    const boxes = [box(600, 120), box(600, 52), box(600, 220), box(900, 120), box(600, 52), box(1500, 420)];
    const places = pack([...boxes, ...Array.from({ length: 6 }, () => box(260, 52))], 34);
    const edge = Math.max(...places.map(({ x }, index) => x + (boxes[index]?.width ?? 260)));
    expect(edge).toBeLessThan(2200);
  });

  it('many alike become a block that is wider than high', () => {
    const places = pack(
      Array.from({ length: 20 }, () => box(500, 120)),
      20,
    );
    const [width, height] = [Math.max(...places.map(({ x }) => x)) + 500, Math.max(...places.map(({ y }) => y)) + 120];
    expect(width / height).toBeGreaterThan(1);
    expect(width / height).toBeLessThan(3);
  });
});
