import { describe, expect, it } from 'vitest';
import { contextAt, keyAt } from './context';

/** `|` marks the cursor. */
function at(marked: string) {
  const offset = marked.indexOf('|');
  return contextAt(marked.replace('|', ''), offset);
}

describe('contextAt', () => {
  const cases: [string, string, object | null][] = [
    [
      'at the root',
      'apiVersion: v1\nkind: Pod\nsp|',
      { path: [], key: null, word: 'sp', apiVersion: 'v1', kind: 'Pod', siblings: ['kind', 'apiVersion'] },
    ],
    ['below a key', 'spec:\n  re|', { path: ['spec'], word: 're', key: null }],
    [
      'on an empty, indented line',
      'spec:\n  replicas: 1\n  |\nstatus: {}',
      { path: ['spec'], word: '', siblings: ['replicas'] },
    ],
    ['behind a key', 'spec:\n  policy: Al|', { path: ['spec'], key: 'policy', word: 'Al' }],
    [
      'the first key of an item',
      'spec:\n  containers:\n    - na|',
      { path: ['spec', 'containers', 0], word: 'na', item: true },
    ],
    [
      'a later key of an item',
      'spec:\n  containers:\n    - name: a\n      im|',
      { path: ['spec', 'containers', 0], siblings: ['name'] },
    ],
    ['lists that are not indented', 'spec:\n  containers:\n  - name: a\n    im|', { path: ['spec', 'containers', 0] }],
    ['the first key of an item of such a list', 'spec:\n  containers:\n  - na|', { path: ['spec', 'containers', 0] }],
    ['deeper in an item', 'a:\n  - b:\n      - c: 1\n        d|', { path: ['a', 0, 'b', 0] }],
    [
      'after a sibling with children',
      'spec:\n  template:\n    spec:\n      x: 1\n  se|',
      { path: ['spec'], siblings: ['template'] },
    ],
    ['only its own document', 'kind: A\nspec: {}\n---\nkind: B\nsp|', { path: [], kind: 'B', siblings: ['kind'] }],
    ['not in a block scalar', 'data:\n  script: >-\n    ech|', null],
    ['not in a comment', 'a: 1 # com|', null],
    ['a second item', 'a:\n  - name: x\n    v: 1\n  - na|', { path: ['a', 0], siblings: [] }],
    ['siblings end with the item', 'a:\n  - name: x\n    |\n  - other: y', { siblings: ['name'] }],
  ];
  it.each(cases)('%s', (_, text, expected) => {
    if (expected === null) expect(at(text)).toBeNull();
    else expect(at(text)).toMatchObject(expected);
  });
});

describe('keyAt', () => {
  it('names the key under the pointer', () => {
    const text = 'spec:\n  containers:\n    - name: a\n      image: b\n';
    expect(keyAt(text, text.indexOf('image') + 2)).toMatchObject({
      context: { path: ['spec', 'containers', 0], key: 'image' },
    });
    expect(keyAt(text, text.indexOf('name') + 1)).toMatchObject({
      context: { path: ['spec', 'containers', 0], key: 'name' },
    });
    expect(keyAt(text, text.indexOf(': b') + 2)).toBeNull();
  });
});
