import { describe, expect, it } from 'vitest';
import type { LogsSpec, ViewMessage } from '../../api/contract';
import type { ViewHandler } from '../../api/socket';
import { columnsOf, parseJson, widthsOf } from './fields';
import { clockOf, Lines, shortNames, sourceNames } from './lines';
import { fileOf, hueOf, matcher, matches, pieces, plain } from './search';
import { severityOf } from './severity';
import { LogStore } from './useLogLines';

const line = (time: string, text: string, pod = 'a') => ({ pod, container: 'c', time, text });

describe('Lines', () => {
  it('merges pods by time and keeps the order within one moment', () => {
    const lines = new Lines();
    lines.add([line('2', 'b'), line('4', 'd')]);
    lines.add([line('1', 'a', 'p'), line('2', 'c', 'p'), line('5', 'e', 'p')]);
    expect(lines.all.map(({ text }) => text).join('')).toBe('abcde');
  });
  it('lets the oldest go beyond the number of lines, and counts them', () => {
    const lines = new Lines({ lines: 3, characters: 1000 });
    lines.add(['1', '2', '3', '4', '5'].map((time) => line(time, time)));
    expect([lines.all.map(({ text }) => text).join(''), lines.dropped]).toEqual(['345', 2]);
  });
  it('lets the oldest go beyond the number of characters, but never the newest', () => {
    const lines = new Lines({ lines: 100, characters: 10 });
    lines.add([line('1', 'xxxxxx'), line('2', 'yyyyyy')]);
    expect(lines.all).toHaveLength(1);
    lines.add([line('3', 'z'.repeat(50))]);
    expect(lines.all.map(({ time }) => time)).toEqual(['3']);
  });
  it('passes over what it has when the stream begins anew', () => {
    const lines = new Lines();
    lines.add([line('1', 'a'), line('2', 'b')]);
    lines.resume();
    lines.add([line('1', 'a'), line('2', 'b'), line('3', 'c'), line('1', 'x', 'other')]);
    expect(lines.all.map(({ text }) => text).join('')).toBe('axbc');
  });
  it('counts what the agent dropped', () => {
    const lines = new Lines();
    lines.add([], 7);
    expect(lines.dropped).toBe(7);
    lines.clear();
    expect(lines.dropped).toBe(0);
  });
});

it('names containers when a pod has several, else the pods', () => {
  const lines = [line('1', 'x'), line('2', 'y', 'b')];
  expect(lines.map(sourceNames(lines))).toEqual(['a', 'b']);
  const more = [...lines, { ...line('3', 'z'), container: 'd' }];
  expect(more.map(sourceNames(more))).toEqual(['a/c', 'b/c', 'a/d']);
});

it.each([
  [['web'], ['web']],
  [
    ['json-talker-8559-ab', 'json-talker-8559-cd'],
    ['…ab', '…cd'],
  ],
  [
    ['json-talker-8559-ab/x', 'json-talker-8559-ab/y'],
    ['…x', '…y'],
  ],
  [
    ['web-0', 'web-1'],
    ['web-0', 'web-1'],
  ],
])('of the names %j the lines bear %j', (names, expected) => {
  expect(names.map(shortNames(names))).toEqual(expected);
});

it('tells the time of the place', () => {
  const at = new Date(2026, 0, 2, 3, 4, 5, 67);
  expect([clockOf(at.toISOString()), clockOf('')]).toEqual(['03:04:05.067', '']);
});

describe('severityOf', () => {
  it.each([
    ['E1126 21:53:00.123456       1 main.go:1] broken', 'error'],
    ['I1126 21:53:00.123456       1 main.go:1] no error here', 'info'],
    ['2026-11-26T21:53:00Z  WARN cluster: slow', 'warning'],
    ['time="…" level=debug msg="an error was seen"', 'debug'],
    ['[error] 7#7: *1 open() failed', 'error'],
    ['ERROR: no', 'error'],
    ['warning: unused', 'warning'],
    ['GET /error 200', 'none'],
    ["thread 'main' panicked at src/main.rs:1:1:", 'error'],
    ['panic: runtime error', 'error'],
    ['hello', 'none'],
  ])('%s', (text, expected) => {
    expect(severityOf(text, parseJson(text))).toBe(expected);
  });
  it.each([
    ['{"level":"error","msg":"x"}', 'error'],
    ['{"level":30,"msg":"error"}', 'info'],
    ['{"severity":"WARNING"}', 'warning'],
    ['{"msg":"error"}', 'none'],
  ])('%s', (text, expected) => {
    expect(severityOf(text, parseJson(text))).toBe(expected);
  });
});

describe('fields', () => {
  it('flattens objects and leaves other lines alone', () => {
    expect(parseJson('{"a":{"b":1},"l":[1],"n":null}')).toEqual({ 'a.b': '1', l: '[1]', n: 'null' });
    expect([parseJson('{not json}'), parseJson('text'), parseJson('[1]')]).toEqual([null, null, null]);
  });
  it('puts the level first, the message last and leaves the time out', () => {
    const lines = [{ fields: parseJson('{"time":"t","msg":"m","code":1,"level":"info"}') }, { fields: null }];
    expect(columnsOf(lines)).toEqual(['level', 'code', 'msg']);
  });
});

it('makes columns as wide as their values', () => {
  const lines: { fields: Record<string, string> | null }[] = [
    { fields: { a: 'short', b: 'x'.repeat(90) } },
    { fields: null },
    { fields: { a: 'longest' } },
  ];
  expect(widthsOf(lines, ['a', 'b', 'name'])).toEqual([7, 40, 4]);
});

describe('search', () => {
  it('splits around what was found', () => {
    expect(pieces('a-B-b', matcher('b', { regex: false, exact: false }))).toEqual([
      { text: 'a-', hit: false },
      { text: 'B', hit: true },
      { text: '-', hit: false },
      { text: 'b', hit: true },
    ]);
    expect(pieces('a.b', matcher('.', { regex: false, exact: true })).map(({ hit }) => hit)).toEqual([
      false,
      true,
      false,
    ]);
    expect(pieces('abc', matcher('x*', { regex: true, exact: true }))).toEqual([{ text: 'abc', hit: false }]);
  });
  it('begins every text at its beginning', () => {
    const pattern = matcher('a', { regex: false, exact: true });
    if (pattern === null) throw new Error('no pattern');
    expect([matches('xxa', pattern), matches('a', pattern)]).toEqual([true, true]);
    expect(pieces('a', pattern)).toEqual([{ text: 'a', hit: true }]);
  });
  it('takes a broken expression for none', () => {
    expect(matcher('(', { regex: true, exact: true })).toBeNull();
  });
  it('takes colours of terminals out', () => {
    expect(plain('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007x')).toBe('red x');
  });
  it('gives a name the same hue always', () => {
    expect(hueOf('web-0')).toBe(hueOf('web-0'));
    expect(new Set(Array.from({ length: 40 }, (_, index) => hueOf(`web-${index}`))).size).toBeGreaterThan(6);
  });
  it('writes files with what is shown', () => {
    const file = (times: boolean, names: boolean) => fileOf([line('T', '\u001b[1mx')], { times, names });
    expect([file(true, true), file(true, false), file(false, false)]).toEqual(['T a/c x\n', 'T x\n', 'x\n']);
  });
});

describe('a log whose cluster was away', () => {
  let hear: (message: Partial<ViewMessage>) => void = () => {};
  const open = (_spec: unknown, handler: ViewHandler) => {
    hear = (message) => handler.message({ view: 1, ...message } as ViewMessage);
    return 1;
  };
  const store = new LogStore({ open, close: () => {} });
  store.open({} as LogsSpec);
  const lines = (...times: string[]) =>
    hear({ type: 'lines', lines: times.map((time) => line(time, time)), dropped: 0 });

  it('has each line once when the agent begins anew, and says which containers cannot be read', () => {
    hear({ type: 'state', live: true, error: null });
    lines('1', '2');
    hear({ type: 'state', live: false, error: null });
    hear({ type: 'state', live: true, error: null });
    lines('1', '2', '3');
    hear({ type: 'lines', lines: [], dropped: 0, faults: { 'a/c': 'no route' } });
    const { lines: shown, faults } = store.snapshot();
    expect([shown.map(({ text }) => text).join(''), faults]).toEqual(['123', { 'a/c': 'no route' }]);
  });
});
