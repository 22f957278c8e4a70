import { EditorState } from '@codemirror/state';
import { expect, it } from 'vitest';
import { fromBox, lineEnd, toBox } from './lines';

it.each([
  ['a\nb\n', '\n'],
  ['a\r\nb\r\n', '\r\n'],
  ['a\r\nb\nc', null],
  ['a\rb', null],
  ['one line', '\n'],
])('finds what ends the lines of %j', (text, end) => {
  expect(lineEnd(text)).toBe(end);
});

it.each(['a\nb\nc', 'a\r\nb\r\nc', 'a\r\nb\nc\rd'])(
  'gives %j back with its own line ends after a key press',
  (value) => {
    const extensions = lineEnd(value) === null ? [EditorState.lineSeparator.of('\n')] : [];
    const state = EditorState.create({ doc: toBox(value), extensions });
    expect(state.doc.toString()).toBe(toBox(value));
    const typed = state.update({ changes: { from: 0, insert: 'x' } }).newDoc.toString();
    expect(fromBox(typed, value)).toBe(`x${value}`);
  },
);
