import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { pathText } from './merge';
import {
  arrive,
  begin,
  draftOf,
  isDirty,
  isPending,
  isReady,
  keepMine,
  needsDraft,
  restore,
  revertTo,
  type Session,
  saved,
  takeTheirs,
  type,
} from './session';

const make = (spec: object, revision = '1') =>
  ({
    apiVersion: 'v1',
    kind: 'X',
    metadata: { name: 'x', resourceVersion: revision },
    spec,
    status: { revision },
  }) as unknown as KubeObject;
const edit = (session: Session, from: string, to: string) => type(session, session.text.replace(from, to), 0);

describe('an edit', () => {
  it('follows the cluster while nothing is typed, and marks what moved', () => {
    const session = arrive(begin(make({ a: 1 })), make({ a: 2 }, '2'), 5);
    expect(session.text).toContain('a: 2');
    expect(isDirty(session)).toBe(false);
    expect(session.marks.map(({ path, at }) => [pathText(path), at])).toEqual([['spec.a', 5]]);
  });

  it('is not disturbed by status and revision', () => {
    const session = arrive(edit(begin(make({ a: 1 })), 'a: 1', 'a: 9 # mine'), make({ a: 1 }, '2'), 5);
    expect(session.text).toContain('a: 9 # mine');
    expect([session.marks, session.theirs.metadata.resourceVersion]).toEqual([[], '2']);
  });

  it('keeps what was typed and takes in what the cluster changed elsewhere', () => {
    const session = arrive(edit(begin(make({ a: 1, b: 1 })), 'a: 1', 'a: 9 # mine'), make({ a: 1, b: 2 }, '2'), 5);
    expect(session.text).toContain('a: 9 # mine\n  b: 2');
    expect(session.conflicts).toEqual([]);
  });

  it('decides nothing where both changed the same', () => {
    const session = arrive(edit(begin(make({ a: 1 })), 'a: 1', 'a: 9'), make({ a: 5 }, '2'), 5);
    expect(session.text).toContain('a: 9');
    const [conflict] = session.conflicts;
    if (conflict === undefined) throw new Error('no conflict');
    expect(conflict).toMatchObject({ base: 1, mine: 9, theirs: 5 });
    expect(takeTheirs(session, conflict)).toMatchObject({ text: expect.stringContaining('a: 5'), conflicts: [] });
    expect(keepMine(session, conflict)).toMatchObject({ text: expect.stringContaining('a: 9'), conflicts: [] });
  });

  it('keeps a conflict open through later updates, with the newest of theirs', () => {
    let session = arrive(edit(begin(make({ a: 1, b: 1 })), 'a: 1', 'a: 9'), make({ a: 5, b: 1 }, '2'), 5);
    session = arrive(session, make({ a: 5, b: 2 }, '3'), 6);
    session = arrive(session, make({ a: 6, b: 2 }, '4'), 7);
    expect(session.conflicts.map(({ theirs }) => theirs)).toEqual([6]);
    expect(edit(session, 'a: 9', 'a: 6').conflicts).toEqual([]);
  });

  it('may not be saved past an open conflict, however it was left and come back to', () => {
    const theirs = make({ a: 5 }, '2');
    const session = arrive(edit(begin(make({ a: 1 })), 'a: 1', 'a: 9'), theirs, 5);
    expect([isDirty(session), isReady(session)]).toEqual([true, false]);
    const again = restore(JSON.parse(JSON.stringify(draftOf(session))), theirs, 9);
    expect(again.conflicts).toMatchObject([{ base: 1, mine: 9, theirs: 5 }]);
    const [conflict] = again.conflicts;
    if (conflict === undefined) throw new Error('no conflict');
    expect(isReady(keepMine(again, conflict))).toBe(true);
  });

  it('has no conflict any more where the cluster comes to what was typed', () => {
    const session = arrive(edit(begin(make({ a: 1, b: 1 })), 'a: 1', 'a: 9'), make({ a: 5, b: 1 }, '2'), 5);
    expect(arrive(session, make({ a: 9, b: 1 }, '3'), 6).conflicts).toEqual([]);
  });

  it('is none while nobody typed, whatever the cluster does to the order of a list', () => {
    const list = (...names: string[]) => make({ env: names.map((name) => ({ name, value: '"1"' })) });
    const session = arrive(begin(list('a', 'b')), list('c', 'b', 'a'), 5);
    expect([isDirty(session), needsDraft(session)]).toEqual([false, false]);
  });

  it('takes in the order of a list of which it moves nothing', () => {
    const list = (...names: string[]) => make({ env: names.map((name) => ({ name, value: '1' })) });
    let session = edit(begin(list('a', 'b')), '- name: b', '- name: b # mine');
    session = arrive(session, list('c', 'b', 'a'), 5);
    expect(session.text.match(/name: \w/g)?.slice(1)).toEqual(['name: c', 'name: b', 'name: a']);
    expect([session.text.includes('b # mine'), isDirty(session)]).toEqual([true, false]);
  });

  it('waits with an update until the text is YAML again', () => {
    let session = edit(begin(make({ a: 1, b: 1 })), 'a: 1', 'a: [9');
    session = arrive(session, make({ a: 1, b: 2 }, '2'), 5);
    expect([isPending(session), session.text.includes('a: [9')]).toEqual([true, true]);
    session = edit(session, 'a: [9', 'a: 9');
    expect([isPending(session), session.text.includes('a: 9\n  b: 2')]).toEqual([false, true]);
  });

  it('survives the end of its object and of its page', () => {
    const session = edit(begin(make({ a: 1, b: 1 })), 'a: 1', 'a: 9');
    expect(arrive(session, null, 0)).toMatchObject({ gone: true, text: session.text });
    const again = restore({ base: JSON.stringify(session.base), text: session.text }, make({ a: 1, b: 3 }, '7'), 9);
    expect(again.text).toContain('a: 9\n  b: 3');
  });

  it('keeps comments through updates and saving, and calls none of them a change', () => {
    let session = edit(begin(make({ a: 1, b: 1 })), 'a: 1', 'a: 1 # why');
    expect([isDirty(session), needsDraft(session)]).toEqual([false, true]);
    session = arrive(session, make({ a: 1, b: 2 }, '2'), 5);
    session = saved(edit(session, 'b: 2', 'b: 3'), make({ a: 1, b: 3, c: 'default' }, '3'));
    expect(session.text).toContain('a: 1 # why\n  b: 3\n  c: default');
    expect(isDirty(session)).toBe(false);
  });

  it('goes back to an earlier version as an edit', () => {
    const session = revertTo(edit(begin(make({ a: 2 }, '2')), 'a: 2', 'a: 2 # note'), make({ a: 1 }));
    expect(session.text).toContain('a: 1 # note');
    expect(isDirty(session)).toBe(true);
  });
});
