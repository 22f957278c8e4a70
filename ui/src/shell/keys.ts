import { useEffect, useRef } from 'react';
import { useLocation } from 'wouter';
import type { Action, ActionId } from '../kinds/actions';
import { findResource } from '../kinds/discovery';
import { openPalette, useUi } from '../store/ui';
import { useCluster } from './cluster';
import { type PageId, useLinks } from './paths';

/** Whether keys belong to the element: a field, an editor, a terminal. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  return (
    target.closest(
      'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true], .xterm, [role=dialog], [role=menu]',
    ) !== null
  );
}

/** Whether a program or an editor has the element, where Ctrl-K cuts a line. */
const ofEditor = (target: EventTarget | null) =>
  target instanceof Element && target.closest('.xterm, .cm-editor') !== null;

/** Whether the key acts on the object of the page: it belongs to nobody else, and not to a panel below the page. */
export const forPage = (target: EventTarget | null) =>
  !typing(target) && !(target instanceof Element && target.closest('.dock') !== null);

/** After `g`, a letter that goes to a kind or a page. The sheet of keys shows them all. */
export const KINDS: Record<string, string> = {
  p: 'Pods',
  d: 'Deployments',
  s: 'Services',
  n: 'Nodes',
  c: 'ConfigMaps',
  v: 'PersistentVolumeClaims',
};
export const PLACES: Record<string, PageId | undefined> = {
  o: undefined,
  e: 'events',
  m: 'map',
  i: 'images',
  f: 'forwards',
};

/** What a key does to the palette before its field is there; null for keys that do nothing. */
export function typeAhead(key: string, { line }: { line: string }) {
  if (key === 'Enter') return { entered: true };
  if (key === 'Escape') return { palette: false };
  if (key === 'Backspace') return { line: line.slice(0, -1) };
  return key.length === 1 ? { line: line + key } : null;
}

/** How long `g` waits for its letter. */
const CHORD_MS = 1500;

/** The keys that work everywhere within a cluster. */
export function useGlobalKeys() {
  const [, navigate] = useLocation();
  const links = useLinks();
  const { resources } = useCluster();
  const chord = useRef(0);
  useEffect(() => {
    const go = (key: string) => {
      if (key in PLACES) return navigate(links.page(PLACES[key]));
      const found = findResource(resources, KINDS[key] ?? '');
      if (found) navigate(links.list(found));
    };
    const listen = (event: KeyboardEvent) => {
      if (event.key === 'k' && (event.metaKey || (event.ctrlKey && !ofEditor(event.target)))) {
        event.preventDefault();
        openPalette();
        return;
      }
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (useUi.getState().palette) {
        // Its field is not there yet.
        const typed = typeAhead(event.key, useUi.getState());
        if (!typed) return;
        event.preventDefault();
        event.stopPropagation();
        useUi.setState(typed);
        return;
      }
      if (Date.now() - chord.current < CHORD_MS) {
        chord.current = 0;
        event.preventDefault();
        event.stopPropagation();
        go(event.key);
        return;
      }
      if (event.key === 'g') {
        chord.current = Date.now();
      } else if (event.key === ':') {
        event.preventDefault();
        openPalette();
      } else if (event.key === '?') {
        useUi.setState({ help: true });
      } else if (event.key === '/') {
        const filter = document.querySelector<HTMLInputElement>('[data-filter]');
        if (filter) event.preventDefault();
        filter?.focus();
      }
    };
    // Capturing, so that the second key of a chord does not reach a list that has a use of its own for it.
    document.addEventListener('keydown', listen, true);
    return () => document.removeEventListener('keydown', listen, true);
  }, [navigate, links, resources]);
}

/** On an object's own page the keys of its actions need no row. */
export function useActionKeys(actions: Action[], run: (id: ActionId) => void) {
  const now = useRef({ actions, run });
  now.current = { actions, run };
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !forPage(event.target)) return;
      const action = now.current.actions.find(({ key }) => key === event.key);
      if (!action) return;
      event.preventDefault();
      now.current.run(action.id);
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
}
