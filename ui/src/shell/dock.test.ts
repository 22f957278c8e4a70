import { expect, it } from 'vitest';
import { closeTab, type DockTab, readDock, showTab, writeDock } from './dock';

const tab = (kind: DockTab['kind'], name: string): DockTab => ({
  kind,
  ref: { group: '', version: 'v1', resource: 'pods', namespace: 'default', name },
});
const two = { tabs: [tab('logs', 'a'), tab('shell', 'a')], active: 1 };

it('reads what it writes', () => {
  expect(readDock(writeDock(two))).toEqual(two);
  expect(readDock('')).toEqual({ tabs: [], active: 0 });
});

it('keeps how a tab is looked at, and shows an open one as it is asked for', () => {
  const looked = { ...tab('logs', 'a'), state: 'query=a%3B%7E&wrap=true' };
  const state = { tabs: [looked], active: 0 };
  expect(readDock(writeDock(state))).toEqual(state);
  expect(showTab(state, tab('logs', 'a'))).toEqual(state);
  expect(showTab(state, { ...looked, state: 'at=1' }).tabs).toEqual([{ ...looked, state: 'at=1' }]);
});

it('leaves out what it does not understand and keeps the active tab in range', () => {
  expect(readDock('7;logs~~v1~pods~default~a;nonsense')).toEqual({ tabs: [tab('logs', 'a')], active: 0 });
});

it('opens a tab once', () => {
  expect(showTab(two, tab('logs', 'a'))).toEqual({ ...two, active: 0 });
  expect(showTab(two, tab('logs', 'b')).active).toBe(2);
});

it.each([
  [0, 1, 0],
  [1, 1, 0],
  [1, 0, 0],
])('closing tab %i of two while %i is active leaves %i active', (index, active, left) => {
  expect(closeTab({ ...two, active }, index).active).toBe(left);
});
