import { describe, expect, it } from 'vitest';
import type { MetricsPoint, PodUsage } from '../../api/contract';
import { bytesText, coresText } from '../units';
import { chartOf, lately, MOST, summaryOf } from './series';

const point = (second: number, pods: [string, number][]): MetricsPoint => ({
  at: new Date(second * 1000).toISOString(),
  nodes: [{ name: 'n', cpu: 1, memory: 2, received: null, sent: 7 }],
  pods: pods.map(([name, cpu]) => ({ namespace: 'x', name, cpu, memory: cpu * 10, received: cpu * 100, sent: null })),
});

describe('chartOf', () => {
  it('has a gap where a pod was not measured, and the largest first', () => {
    const chart = chartOf(
      [
        point(1, [['a', 1]]),
        point(2, [
          ['a', 1],
          ['b', 3],
        ]),
      ],
      { namespace: 'x' },
    );
    expect(chart.times).toEqual([1, 2]);
    expect(chart.cpu.series).toEqual([
      { name: 'b', look: 1, values: [null, 3] },
      { name: 'a', look: 0, values: [1, 1] },
    ]);
  });
  it('draws the containers of a single pod beside it, without a network of their own', () => {
    const [measured] = point(1, [['a', 3]]).pods;
    const used = (name: string, cpu: number) => ({ name, cpu, memory: cpu, received: null, sent: null });
    const pods = [{ ...measured, containers: [used('main', 2), used('helper', 1)] } as PodUsage];
    const chart = chartOf([{ ...point(1, []), pods }], { namespace: 'x', pods: ['a'] });
    expect(chart.cpu.series.map(({ name }) => name)).toEqual(['a', 'a/main', 'a/helper']);
    expect(chart.received.series.map(({ name }) => name)).toEqual(['a']);
    expect(chartOf([{ ...point(1, []), pods }], { namespace: 'x' }).cpu.series).toHaveLength(1);
  });
  it('keeps to the scope', () => {
    const points = [
      point(1, [
        ['a', 1],
        ['b', 2],
      ]),
    ];
    expect(chartOf(points, { namespace: 'x', pods: ['a'] }).cpu.series.map(({ name }) => name)).toEqual(['a']);
    expect(chartOf(points, { namespace: 'y' }).cpu.series).toEqual([]);
    const { memory, received, sent } = chartOf(points, { nodes: ['n'] });
    expect([memory, received, sent].map(({ series }) => series)).toEqual(
      [2, null, 7].map((value) => [{ name: 'n', look: 0, values: [value] }]),
    );
  });
  it('adds up all of them, also those without a line', () => {
    const many = Array.from({ length: MOST + 3 }, (_, index): [string, number] => [`p${index}`, 1]);
    const points = [point(1, many), point(2, [['p0', 5]]), point(3, [])];
    const { cpu, sent } = chartOf(points, { namespace: 'x' });
    expect([cpu.sum?.values, sent.sum?.values]).toEqual([
      [MOST + 3, 5, null],
      [null, null, null],
    ]);
    expect(chartOf(points, { namespaces: [] }).cpu.sum?.values[0]).toBe(MOST + 3);
    expect(chartOf(points, { namespace: 'x', pods: ['p0'] }).cpu.sum).toBeNull();
    expect(chartOf(points, { nodes: ['n'] }).cpu.sum).toBeNull();
  });
  it('draws what is there now before what is gone', () => {
    const many = Array.from({ length: MOST }, (_, index): [string, number] => [`gone${index}`, 9]);
    const { cpu } = chartOf([point(1, [...many, ['here', 1]]), point(2, [['here', 1]])], { namespace: 'x' });
    expect([cpu.series.length, cpu.series[0]?.name]).toEqual([MOST, 'here']);
  });
  it('looks at the last minutes alone when it is asked to', () => {
    const points = [point(0, []), point(100, []), point(160, [])];
    expect(lately(points, 1).map(({ at }) => Date.parse(at) / 1000)).toEqual([100, 160]);
    expect([lately(points, 0), lately([], 1)]).toEqual([points, []]);
  });
  it('leaves out the smallest beyond what can be told apart', () => {
    const many = Array.from({ length: MOST + 3 }, (_, index): [string, number] => [`p${index}`, index]);
    const chart = chartOf([point(1, many)], { namespace: 'x' });
    expect([chart.cpu.series.length, chart.hidden, chart.cpu.series[0]?.name]).toEqual([MOST, 3, `p${MOST + 2}`]);
  });
});

it('summaryOf passes over gaps', () => {
  expect(summaryOf({ name: 'a', look: 0, values: [1, null, 3] })).toEqual({ now: 3, least: 1, most: 3, average: 2 });
  expect(summaryOf({ name: 'a', look: 0, values: [null] })).toBeNull();
});

it('amounts are read at a glance', () => {
  expect([0, 0.25, 1.5, 2, 0.0001].map(coresText)).toEqual(['0', '250m', '1.5', '2', '1m']);
  expect([bytesText(0), bytesText(2048), bytesText(123 * 1024 ** 2), bytesText(3 * 1024 ** 4)]).toEqual([
    '0 B',
    '2.0 KiB',
    '123 MiB',
    '3.0 TiB',
  ]);
});
