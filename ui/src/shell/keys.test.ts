import { expect, it } from 'vitest';
import { typeAhead } from './keys';

it.each([
  ['p', { line: 'pop' }],
  ['Backspace', { line: 'p' }],
  ['Enter', { entered: true }],
  ['Escape', { palette: false }],
  ['ArrowDown', null],
])('%s before the palette has its field', (key, expected) => {
  expect(typeAhead(key, { line: 'po' })).toEqual(expected);
});
