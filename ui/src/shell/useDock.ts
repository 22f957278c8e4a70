import { useCallback } from 'react';
import { closeTab, type DockKind, type DockTab, keepState, readDock, showTab, writeDock } from './dock';
import { useParam } from './paths';

/** The dock of the page, kept in its address. */
export function useDock() {
  const [text, setText] = useParam('dock');
  const dock = readDock(text);
  return {
    ...dock,
    open: (kind: DockKind, ref: DockTab['ref'], state?: string) =>
      setText(writeDock(showTab(dock, { kind, ref, ...(state === undefined ? {} : { state }) }))),
    keep: (index: number, state: string) => setText(writeDock(keepState(dock, index, state))),
    select: (active: number) => setText(writeDock({ ...dock, active })),
    close: (index: number) => setText(writeDock(closeTab(dock, index))),
    clear: useCallback(() => setText(''), [setText]),
  };
}
