import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { applyChanges, complete, parse, parseAll, rangeOf, replacement, toText, wholeText } from './document';
import { type Change, merge } from './merge';
import { begin, isDirty } from './session';

const deployment: KubeObject = {
  spec: { replicas: 2 },
  metadata: {
    uid: 'u',
    labels: { app: 'web' },
    name: 'web',
    resourceVersion: '7',
    managedFields: [{ manager: 'x' }],
  } as KubeObject['metadata'],
  status: { replicas: 2 },
  kind: 'Deployment',
  apiVersion: 'apps/v1',
};

describe('toText', () => {
  it('hides what nobody edits and begins with what everybody looks for', () => {
    expect(toText(deployment)).toBe(
      'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels:\n    app: web\n  uid: u\nspec:\n  replicas: 2\n',
    );
  });

  it('is undone by parse and complete', () => {
    const parsed = parse(toText(deployment));
    expect(parsed.ok && complete(parsed.object, deployment)).toEqual({
      ...deployment,
      metadata: { name: 'web', uid: 'u', labels: { app: 'web' }, resourceVersion: '7' },
    });
  });
});

describe("kubectl's copy of what it applied", () => {
  const applied = { 'kubectl.kubernetes.io/last-applied-configuration': '{"kind":"Deployment"}' };
  const annotated = (annotations: unknown) =>
    ({ ...deployment, metadata: { ...deployment.metadata, annotations } }) as KubeObject;
  const cases: [string, unknown, unknown, unknown][] = [
    ['the only annotation', applied, undefined, applied],
    ['beside another', { ...applied, a: 'b' }, { a: 'b' }, { ...applied, a: 'b' }],
    ['while another is added', applied, { a: 'b' }, { ...applied, a: 'b' }],
    ['while all others are removed', { ...applied, a: 'b' }, null, applied],
    ['beside what is no map', applied, 'none', 'none'],
    ['where there was none', { a: 'b' }, { a: 'c' }, { a: 'c' }],
  ];
  it.each(cases)('is not shown, and kept: %s', (_name, before, edited, after) => {
    const current = annotated(before);
    expect(toText(current)).not.toContain('last-applied');
    expect(complete(annotated(edited), current).metadata.annotations).toEqual(after);
  });

  it('is no reason to call an unchanged text changed', () => {
    const session = begin(annotated(applied));
    expect([isDirty(session), session.text.includes('annotations')]).toEqual([false, false]);
  });
});

describe('applyChanges', () => {
  const text =
    "# mine\nspec:\n  replicas: 2 # two are enough\n  containers:\n    # the front\n    - name: web\n      image: web:1\n\n    - name: log\n      image: 'log:1'\n";
  const cases: [string, Change[], string][] = [
    [
      'a value, its comment kept',
      [{ path: ['spec', 'replicas'], value: 3 }],
      text.replace('replicas: 2', 'replicas: 3'),
    ],
    [
      'a value in an item by name',
      [{ path: ['spec', 'containers', { key: 'name', value: 'log' }, 'image'], value: 'log:2' }],
      text.replace('log:1', 'log:2'),
    ],
    [
      'a new item behind the last',
      [{ path: ['spec', 'containers', { key: 'name', value: 'new' }], value: { name: 'new' } }],
      `${text}    - name: new\n`,
    ],
    [
      'a removed item',
      [{ path: ['spec', 'containers', { key: 'name', value: 'log' }], value: undefined }],
      text.slice(0, text.indexOf('\n    - name: log')),
    ],
    [
      'a new map below a new key',
      [{ path: ['metadata'], value: { labels: { a: 'b' } } }],
      `${text}metadata:\n  labels:\n    a: b\n`,
    ],
    [
      'a removed key',
      [{ path: ['spec', 'replicas'], value: undefined }],
      text.replace('  replicas: 2 # two are enough\n', ''),
    ],
    [
      'a string that looks like a number is quoted',
      [{ path: ['spec', 'replicas'], value: '3' }],
      text.replace('replicas: 2', 'replicas: "3"'),
    ],
  ];
  it.each(cases)('%s', (_, changes, expected) => {
    expect(applyChanges(text, changes)).toBe(expected);
  });

  it('keeps lists that are not indented so', () => {
    const flat = 'spec:\n  containers:\n  - name: web\n    image: web:1\n';
    expect(
      applyChanges(flat, [{ path: ['spec', 'containers', { key: 'name', value: 'web' }, 'image'], value: 'web:2' }]),
    ).toBe(flat.replace('web:1', 'web:2'));
  });

  it('brings a live update into an edited text', () => {
    const base = { spec: { replicas: 2, paused: false } };
    const mine = 'spec:\n  # more, please\n  replicas: 5\n  paused: false\n';
    const theirs = { spec: { replicas: 2, paused: true } };
    const parsed = parse(mine);
    const { changes, conflicts } = merge(base, parsed.ok ? { spec: parsed.object.spec } : null, theirs);
    expect(conflicts).toEqual([]);
    expect(applyChanges(mine, changes)).toBe('spec:\n  # more, please\n  replicas: 5\n  paused: true\n');
  });
});

describe('parseAll', () => {
  it('reads documents, skips empty ones and opens lists', () => {
    const text = 'kind: A\n---\n# nothing\n---\nkind: List\nitems:\n- kind: B\n  metadata: {name: b}\n- kind: C\n';
    const parsed = parseAll(text);
    expect(parsed.ok && parsed.objects.map(({ kind }) => kind)).toEqual(['A', 'B', 'C']);
  });
  it('tells the line of an error', () => {
    expect(parseAll('a: 1\nb: [1\nc: 2\n')).toMatchObject({ ok: false, line: 3 });
  });
  it('refuses what is no object', () => {
    expect(parse('just words')).toMatchObject({ ok: false, message: 'not-an-object' });
  });
});

describe('replacement', () => {
  it.each([
    ['abc', 'abc', null],
    ['abc', 'axc', { from: 1, to: 2, insert: 'x' }],
    ['aa', 'aaa', { from: 2, to: 2, insert: 'a' }],
    ['abcd', 'ad', { from: 1, to: 3, insert: '' }],
  ])('%s to %s', (from, to, expected) => {
    expect(replacement(from, to)).toEqual(expected);
  });
});

describe('rangeOf', () => {
  it('finds what a path leads to', () => {
    const text = 'spec:\n  containers:\n    - name: web\n      image: web:1\n';
    const range = rangeOf(text, ['spec', 'containers', { key: 'name', value: 'web' }, 'image']);
    expect(range && text.slice(range.from, range.to)).toBe('web:1');
    expect(rangeOf(text, ['spec', 'none'])).toBeNull();
  });
});

it('shows all of an object to whoever wants to see it as it is', () => {
  const object = {
    apiVersion: 'v1',
    kind: 'X',
    metadata: { name: 'x', resourceVersion: '7', managedFields: [{ manager: 'kubectl' }] },
    status: { phase: 'Ready' },
  } as unknown as KubeObject;
  const text = wholeText(object, false);
  expect([text.includes('resourceVersion: "7"'), text.includes('phase: Ready'), text.includes('kubectl')]).toEqual([
    true,
    true,
    false,
  ]);
  expect(wholeText(object, true)).toContain('manager: kubectl');
});
