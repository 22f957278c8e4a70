import { expect, it } from 'vitest';
import { indentAfter } from './indent';

it.each([
  ['spec:', 2],
  ['  replicas: 2', 2],
  ['    containers:', 6],
  ['    containers: # what runs', 6],
  ['  - name: main', 4],
  ['  - env:', 6],
  ['  -', 4],
  ['- - a', 4],
  ['  run: |-', 4],
  ['  image: "a:b"', 2],
  ['---', 0],
  ['# spec:', 0],
  ['', 0],
  ['    ', 4],
])('after %j the next line begins at column %i', (line, column) => {
  expect(indentAfter(line)).toBe(column);
});
