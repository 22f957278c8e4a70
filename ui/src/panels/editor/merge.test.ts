import { describe, expect, it } from 'vitest';
import type { Json } from '../json';
import { difference, merge, pathText } from './merge';

const container = (name: string, image: string, extra: Record<string, Json> = {}) => ({ name, image, ...extra });

describe('merge', () => {
  const cases: {
    what: string;
    base: Json;
    mine: Json;
    theirs: Json;
    changes?: [string, Json | undefined][];
    conflicts?: string[];
  }[] = [
    { what: 'nothing changed', base: { a: 1 }, mine: { a: 1 }, theirs: { a: 1 } },
    { what: 'only mine changed', base: { a: 1 }, mine: { a: 2 }, theirs: { a: 1 } },
    { what: 'only theirs changed', base: { a: 1 }, mine: { a: 1 }, theirs: { a: 2 }, changes: [['a', 2]] },
    { what: 'both changed alike', base: { a: 1 }, mine: { a: 2 }, theirs: { a: 2 } },
    { what: 'both changed differently', base: { a: 1 }, mine: { a: 2 }, theirs: { a: 3 }, conflicts: ['a'] },
    { what: 'different keys', base: { a: 1, b: 1 }, mine: { a: 2, b: 1 }, theirs: { a: 1, b: 2 }, changes: [['b', 2]] },
    {
      what: 'theirs removed what I left alone',
      base: { a: 1, b: 1 },
      mine: { a: 1, b: 1 },
      theirs: { a: 1 },
      changes: [['b', undefined]],
    },
    {
      what: 'theirs removed what I changed',
      base: { s: { a: 1 } },
      mine: { s: { a: 2 } },
      theirs: {},
      conflicts: ['s'],
    },
    {
      what: 'I removed what theirs changed',
      base: { s: { a: 1 } },
      mine: {},
      theirs: { s: { a: 2 } },
      conflicts: ['s'],
    },
    {
      what: 'both added maps under a new key',
      base: {},
      mine: { l: { a: '1' } },
      theirs: { l: { b: '2' } },
      changes: [['l.b', '2']],
    },
    {
      what: 'items of a list are found by their name, wherever they are',
      base: { c: [container('a', '1'), container('b', '1')] },
      mine: { c: [container('b', '2'), container('a', '1')] },
      theirs: { c: [container('a', '3'), container('b', '1')] },
      changes: [['c[name=a].image', '3']],
    },
    {
      what: 'an item of theirs is added beside one of mine',
      base: { c: [container('a', '1')] },
      mine: { c: [container('a', '1'), container('mine', '1')] },
      theirs: { c: [container('a', '1'), container('theirs', '1')] },
      changes: [['c[name=theirs]', container('theirs', '1')]],
    },
    {
      what: 'a list without identities is one value',
      base: { l: [1, 2] },
      mine: { l: [1, 2, 3] },
      theirs: { l: [0, 1, 2] },
      conflicts: ['l'],
    },
    {
      what: 'ports by number',
      base: { p: [{ port: 80 }] },
      mine: { p: [{ port: 80, name: 'web' }] },
      theirs: { p: [{ port: 80 }, { port: 81 }] },
      changes: [['p[port=81]', { port: 81 }]],
    },
    {
      what: 'a type change is a conflict when I changed it too',
      base: { a: 1 },
      mine: { a: [1] },
      theirs: { a: { x: 1 } },
      conflicts: ['a'],
    },
  ];
  it.each(cases)('$what', ({ base, mine, theirs, changes = [], conflicts = [] }) => {
    const merged = merge(base, mine, theirs);
    expect(merged.changes.map(({ path, value }) => [pathText(path), value])).toEqual(changes);
    expect(merged.conflicts.map(({ path }) => pathText(path))).toEqual(conflicts);
  });

  it('never loses an edit: every difference of mine stays or is reported', () => {
    let seed = 7;
    const random = (n: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % n;
    };
    const value = (depth: number): Json => {
      if (depth === 0 || random(3) === 0) return random(3);
      if (random(2) === 0)
        return Object.fromEntries(['a', 'b', 'c'].filter(() => random(2) === 0).map((key) => [key, value(depth - 1)]));
      return ['x', 'y'].filter(() => random(2) === 0).map((name) => ({ name, v: value(depth - 1) }));
    };
    for (let round = 0; round < 3000; round++) {
      const [base, mine, theirs] = [value(3), value(3), value(3)];
      const { changes, conflicts } = merge(base, mine, theirs);
      const edits = difference(base, mine).map(({ path }) => pathText(path));
      const reported = conflicts.map(({ path }) => pathText(path));
      for (const { path } of changes) {
        const touched = pathText(path);
        const overwritten = edits.filter(
          (edit) => edit === touched || edit.startsWith(`${touched}.`) || edit.startsWith(`${touched}[`),
        );
        expect(overwritten, JSON.stringify({ base, mine, theirs, touched })).toEqual([]);
      }
      if (changes.length + conflicts.length === 0)
        expect(
          difference(mine, theirs).every(({ path }) =>
            difference(base, theirs).every((c) => pathText(c.path) !== pathText(path)),
          ),
        ).toBe(true);
      expect(new Set(reported).size).toBe(reported.length);
    }
  });
});

describe('pathText', () => {
  it('brackets what has dots', () => {
    expect(pathText(['metadata', 'labels', 'app.kubernetes.io/name'])).toBe(
      'metadata.labels["app.kubernetes.io/name"]',
    );
  });
});
