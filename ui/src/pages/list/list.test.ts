import { describe, expect, it } from 'vitest';
import type { Column, Row } from '../../api/contract';
import {
  grown,
  isAged,
  nextSort,
  readColumns,
  type Shown,
  shownColumns,
  tracks,
  withRoom,
  writeColumns,
} from './columns';
import { WINDOW, windowOffset } from './window';

const column = (name: string, priority = 0): Column => ({
  name,
  type: 'string',
  format: '',
  priority,
  description: '',
});
const row = (why: string | null): Row => ({
  uid: 'a',
  name: 'a',
  namespace: 'shop',
  created: '',
  rv: '1',
  cells: ['a', 'Running', '5m', '10.0.0.1'],
  at: 0,
  health: 'ok',
  why: why === null ? null : { text: why },
  deleting: false,
});
const columns = [column('Name'), column('Status'), column('Age'), column('IP', 1)];

const none = { wide: false, namespace: false, usage: false, room: 80 };

describe('the columns of a list', () => {
  it.each([
    [{}, null, ['Name', 'Status', 'Age']],
    [{ wide: true }, null, ['Name', 'Status', 'Age', 'IP']],
    [{ namespace: true }, null, ['Name', 'Namespace', 'Status', 'Age']],
    [{ usage: true }, null, ['Name', 'Status', 'CPU', 'Memory', 'Age']],
    [{ usage: true, room: 70 }, null, ['Name', 'Status', 'Age']],
    [{}, 'it crashes', ['Name', 'Status', 'Age', '']],
    [{ room: 30 }, 'it crashes', ['Name', '', 'Status', 'Age']],
    [{ usage: true }, 'it crashes', ['Name', 'Status', 'Age', '']],
    [{ usage: true, room: 100 }, 'it crashes', ['Name', 'Status', 'CPU', 'Memory', 'Age', '']],
  ])('with %j and the words "%s" are %j', (options, why, names) => {
    expect(shownColumns(columns, [row(why)], { ...none, ...options }).map(({ name }) => name)).toEqual(names);
  });

  it.each([
    ['text', '', ['Name:asc', 'Name:desc', '']],
    ['cpu', '', ['Name:desc', 'Name:asc', '']],
    ['text', 'Age:asc', ['Name:asc']],
  ] as const)('of the kind %s are sorted by, after "%s", as %j', (kind, before, ways) => {
    let sort: string = before;
    for (const way of ways) {
      sort = nextSort(sort, 'Name', kind);
      expect(sort).toBe(way);
    }
  });

  it('leave room to the words on what is wrong', () => {
    const long = { ...row(null), cells: ['a', 'CreateContainerConfigError', '5m', ''] };
    const drawn = (why: string | null) => tracks(withRoom(shownColumns(columns, [long, row(why)], none), none.room));
    expect(drawn(null)).toBe('2.4rem minmax(12ch, 3fr) minmax(14ch, 27ch) minmax(7ch, 7ch) 2.4rem');
    expect(drawn('it crashes')).toBe(
      '2.4rem minmax(12ch, 3fr) minmax(14ch, 18ch) minmax(7ch, 7ch) minmax(45ch, 3fr) 2.4rem',
    );
  });

  it('have the words on what is wrong below the name on a phone', () => {
    const drawn = (room: number) => shownColumns(columns, [row('it crashes')], { ...none, room });
    expect(drawn(25).map(({ below = false }) => below)).toEqual([false, true, false, false]);
    expect(tracks(drawn(25))).toBe('2.4rem minmax(12ch, 3fr) minmax(10ch, 10ch) minmax(7ch, 7ch) 2.4rem');
    expect(drawn(40).some(({ below }) => below)).toBe(false);
  });

  it('give what room there is to the last text where there is no name', () => {
    const events = ['Last Seen', 'Reason', 'Message'].map(
      (name) => ({ ...columns[1], name }) as (typeof columns)[number],
    );
    const cells = ['5m', 'Pulled', 'Container image "devcluster/cats-for-gold:v1" already present on machine'];
    const drawn = (room: number) => tracks(withRoom(shownColumns(events, [{ ...row(null), cells }], none), room));
    expect(drawn(80)).toMatch(/ minmax\(48ch, 3fr\) 2\.4rem$/);
    expect(drawn(20)).toMatch(/ minmax\(14ch, 3fr\) 2\.4rem$/);
  });

  it('keep their widths until something wider comes', () => {
    const shown = (status: string, more = {}) =>
      shownColumns(columns, [{ ...row(null), cells: ['a', status, '5m', ''] }], { ...none, ...more });
    const widths = (columns: Shown[]) => columns.map(({ width }) => width);
    const before = shown('Running');
    expect(grown(before, shown('Ready'))).toBe(before);
    expect(widths(grown(before, shown('Ready,SchedulingDisabled')))).toEqual([8, 25, 7]);
    expect(grown(before, shown('Ready', { namespace: true }))).toHaveLength(4);
  });

  it('that were added stand in the address', () => {
    const extra = [
      { name: 'App', label: 'app.kubernetes.io/name' },
      { name: 'Image', jsonPath: '.spec.containers[?(@.name=="a:b")].image' },
    ];
    expect(readColumns(writeColumns(extra))).toEqual(extra);
    expect(readColumns('nonsense;;a:b:c')).toEqual([]);
  });
});

describe('the window', () => {
  it.each([
    [0, 0, 30, 0],
    [0, 150, 190, 0],
    [0, 210, 250, 80],
    [80, 90, 130, 0],
    [0, 9_960, 9_999, 9_840],
  ])('at %i with the rows %i to %i in sight goes to %i', (offset, first, last, expected) => {
    expect(windowOffset(offset, first, last)).toBe(expected);
  });

  it('always has the rows in sight', () => {
    for (let first = 0; first < 2000; first += 7) {
      const offset = windowOffset(480, first, first + 40);
      expect(offset).toBeLessThanOrEqual(first);
      expect(offset + WINDOW).toBeGreaterThan(first + 40);
    }
  });
});

it.each([
  ['Last Seen', '5m', 'ok', true],
  ['Restarts', '3 (5m ago)', 'ok', true],
  ['Restarts', '3', 'ok', false],
  ['Duration', '7s', 'ok', true],
  ['Duration', '7s', 'done', false],
  ['Name', 'web-5m', 'ok', false],
] as const)('of the column %s the cell %j grows older when it is %s: %s', (column, written, health, expected) => {
  expect(isAged(column, written, { health })).toBe(expected);
});
