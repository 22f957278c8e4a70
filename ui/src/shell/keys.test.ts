// @vitest-environment happy-dom
import { expect, it } from 'vitest';
import { forPage, typeAhead } from './keys';

it.each([
  ['p', { line: 'pop' }],
  ['Backspace', { line: 'p' }],
  ['Enter', { entered: true }],
  ['Escape', { palette: false }],
  ['ArrowDown', null],
])('%s before the palette has its field', (key, expected) => {
  expect(typeAhead(key, { line: 'po' })).toEqual(expected);
});

it('leaves the keys of a field or of a panel below the page to them', () => {
  document.body.innerHTML = '<input /><main id="a"></main><section class="dock"><div id="b"></div></section>';
  const of = (selector: string) => forPage(document.querySelector(selector));
  expect([of('input'), of('#a'), of('#b')]).toEqual([false, true, false]);
});
