import { describe, expect, it } from 'vitest';
import type { Column, Row } from '../../api/contract';
import { barsOf, chosen, type Event, eventOf, RESTARTS, ROLLOUTS, restartsOf, rolloutOf } from './timeline';

const columns = [
  'Last Seen',
  'Type',
  'Reason',
  'Object',
  'Message',
  'x-last',
  'x-series',
  'x-event',
  'x-count',
  'x-kind',
].map((name) => ({ name }) as Column);
const row = (cells: (string | null)[]) =>
  ({ uid: 'u', namespace: 'x', created: '2026-01-01T00:00:00Z', cells }) as unknown as Row;
const event = (last: number, warning = false, sort: Event['sort'] = 'event') => ({ last, warning, sort }) as Event;
const named = (columns: { name: string }[]) => columns.map(({ name }) => ({ name }) as Column);

describe('eventOf', () => {
  it('takes the newest time that an event tells', () => {
    const read = eventOf(
      columns,
      row(['5s', 'Warning', 'BackOff', 'pod/a', 'm', '2026-01-02T00:00:00Z', '', null, '3', 'Pod']),
    );
    expect(read).toMatchObject({
      last: Date.UTC(2026, 0, 2),
      warning: true,
      reason: 'BackOff',
      object: 'pod/a',
      count: 3,
      kind: 'Pod',
    });
    expect(
      eventOf(columns, row(['5s', 'Normal', '', '', '', '2026-01-02T00:00:00Z', '2026-01-03T00:00:00Z'])).last,
    ).toBe(Date.UTC(2026, 0, 3));
    expect(eventOf(columns, row(['5s', 'Normal'])).last).toBe(Date.UTC(2026, 0, 1));
  });
});

describe('what is read off the objects', () => {
  it('is the last restart of each container', () => {
    const pod = { ...row(['2026-01-02T00:00:00Z,2026-01-03T00:00:00Z', 'Error,Completed', '1,0']), name: 'web-0' };
    expect(restartsOf(named(RESTARTS), pod as Row)).toMatchObject([
      { sort: 'restart', last: Date.UTC(2026, 0, 2), warning: true, message: 'Error, 1', object: 'pod/web-0' },
      { sort: 'restart', last: Date.UTC(2026, 0, 3), warning: false, message: 'Completed, 0' },
    ]);
    expect(restartsOf(named(RESTARTS), row([null, null, null]))).toEqual([]);
  });
  it.each([
    [['Deployment', 'web', '3', null], [{ object: 'deployment/web', message: '#3', last: Date.UTC(2026, 0, 1) }]],
    [['StatefulSet', 'db', null, '2'], [{ object: 'statefulset/db', message: '#2', apiVersion: 'apps/v1' }]],
    [[null, null, null, null], []],
  ])('is the rollout of %j', (cells, expected) => {
    expect(rolloutOf(named(ROLLOUTS), row(cells))).toMatchObject(expected);
  });
});

describe('barsOf', () => {
  it('has bars of a round length up to now, with every event in one', () => {
    const marks = [event(13_000, true, 'restart'), event(14_000, false, 'rollout'), event(14_500, false, 'rollout')];
    const bars = barsOf([event(10_500), event(12_000, true), event(70_000), ...marks], 75_000, 15);
    expect(bars[0]).toEqual({ from: 10_000, to: 15_000, normal: 1, warning: 1, rollout: 2, restart: 1 });
    expect(bars.length).toBe(14);
    expect(bars.reduce((sum, { normal, warning }) => sum + normal + warning, 0)).toBe(3);
  });
  it('are of a length that fills the room: on a phone twenty minutes are ten bars, not four', () => {
    expect(barsOf([event(0)], 18 * 60_000, 12).length).toBe(10);
  });
  it('stays within its number for any span', () => {
    for (const span of [1, 1e4, 1e6, 1e9, 1e12]) expect(barsOf([event(0)], span).length).toBeLessThanOrEqual(61);
    expect(barsOf([], 5)).toEqual([]);
  });
});

it('chosen keeps to the range and puts the newest first', () => {
  const events = [event(1), event(3, true), event(2)];
  expect(chosen(events, [2, 4], false).map(({ last }) => last)).toEqual([3, 2]);
  expect(chosen(events, null, true).map(({ last }) => last)).toEqual([3]);
});
