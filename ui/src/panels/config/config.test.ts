import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import * as entries from './entries';
import { stampOf } from './mounts';

const map = (data: Record<string, string>, binaryData = {}) =>
  ({ kind: 'ConfigMap', metadata: { name: 'c' }, data, binaryData }) as unknown as KubeObject;
const b = entries.fromText;

describe('entries', () => {
  it('read text and bytes alike, and tell them apart', () => {
    const values = entries.valuesOf(map({ a: 'grüße' }, { b: 'AAEC/w==' }));
    expect([entries.toText(values.a ?? ''), entries.toText(values.b ?? '')]).toEqual(['grüße', null]);
    expect(entries.sizeOf(values.b ?? '')).toBe(4);
    expect(entries.fromBytes(entries.toBytes('AAEC/w=='))).toBe('AAEC/w==');
  });

  it('follow the cluster key by key, and never overwrite what is being edited', () => {
    let edit = entries.set(entries.begin(map({ a: '1', b: '1', c: '1' })), 'a', b('mine'));
    edit = entries.arrive(edit, map({ a: '1', b: '2' }));
    expect(edit.mine).toEqual({ a: b('mine'), b: b('2') });
    expect([entries.changedKeys(edit), edit.conflicts]).toEqual([['a'], []]);
    edit = entries.arrive(edit, map({ a: 'theirs', b: '2' }));
    expect([edit.mine.a, edit.conflicts]).toEqual([b('mine'), ['a']]);
    expect(entries.settle(edit, 'a', 'theirs')).toMatchObject({ mine: { a: b('theirs') }, conflicts: [] });
    expect(entries.settle(edit, 'a', 'mine')).toMatchObject({ mine: { a: b('mine') }, conflicts: [] });
  });

  it('go on after their page was left, open conflicts too', () => {
    const mine = entries.set(entries.begin(map({ a: '1', b: '1' })), 'a', b('mine'));
    const edit = entries.arrive(mine, map({ a: 'theirs', b: '1' }));
    const again = entries.restore(entries.draftOf(edit), map({ a: 'theirs', b: '2' }));
    expect([again.mine, again.conflicts]).toEqual([{ a: b('mine'), b: b('2') }, ['a']]);
  });

  it('are patched key by key, with the revision they were read at', () => {
    let edit = entries.begin(map({ a: '1', gone: 'x' }, { bin: 'AAE=' }));
    edit = entries.set(edit, 'a', 'AAEC');
    edit = entries.set(edit, 'gone', undefined);
    edit = entries.set(edit, 'bin', b('text'));
    expect(entries.patchOf(edit, 'ConfigMap', '7')).toEqual({
      metadata: { resourceVersion: '7' },
      data: { a: null, gone: null, bin: 'text' },
      binaryData: { a: 'AAEC', gone: null, bin: null },
    });
    expect(entries.patchOf(edit, 'Secret', '7')).toMatchObject({ data: { a: 'AAEC', gone: null } });
  });

  it.each([
    ['', 'empty'],
    ['a b', 'characters'],
    ['..data', 'characters'],
    ['a', 'taken'],
    ['x'.repeat(254), 'long'],
    ['tls.crt', null],
  ])('check the key %j', (key, fault) => {
    expect(entries.keyFault(key, { a: '' })).toBe(fault);
  });

  it('may not be more than an object can have', () => {
    expect(entries.tooLarge({ a: entries.fromBytes(new Uint8Array(1024 * 1024)) })).toBe(true);
    expect(entries.tooLarge({ a: entries.fromBytes(new Uint8Array(1000)) })).toBe(false);
  });

  it('show bytes', () => {
    expect(entries.hexDump(Uint8Array.of(0, 65, 255))).toBe(`000000  00 41 ff${' '.repeat(39)}  .A.`);
  });
});

it('stampOf reads the moment out of the folder behind ..data', () => {
  expect(stampOf('..2026_11_26_21_53_00.123456789\n')).toBe(Date.UTC(2026, 10, 26, 21, 53, 0, 123));
  expect(stampOf('..data')).toBeNull();
});
