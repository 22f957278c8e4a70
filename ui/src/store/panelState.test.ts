import { expect, it } from 'vitest';
import { readState, writeState } from './panelState';

const usual = { query: '', since: 0, wrap: false, times: true, severities: [] as string[] };

it.each([
  [{}, ''],
  [{ query: 'a b&c;d~e' }, 'query=a+b%26c%3Bd%7Ee'],
  [{ query: '100%!' }, 'query=100%25%21'],
  [{ since: 300, wrap: true, times: false }, 'since=300&wrap=true&times=false'],
  [{ severities: ['error', 'warning'] }, 'severities=error%2Cwarning'],
])('keeps %j as "%s"', (part, text) => {
  const state = { ...usual, ...part };
  expect(writeState(state, usual)).toBe(text);
  expect(readState(text, usual)).toEqual(state);
});

it('leaves to others what is theirs', () => {
  expect(writeState({ ...usual, since: 0, wrap: true }, usual, 'of=pods&since=300')).toBe('of=pods&wrap=true');
});

it('takes what it does not understand as usual', () => {
  expect(readState('since=soon&unknown=1&wrap=', usual)).toEqual(usual);
});
