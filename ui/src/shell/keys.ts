import { useEffect, useRef } from 'react';
import { useLocation } from 'wouter';
import type { Action, ActionId } from '../kinds/actions';
import { findResource } from '../kinds/discovery';
import { openPalette, useUi } from '../store/ui';
import { useCluster } from './cluster';
import { ownFirst, useNamespaces } from './NamespaceFilter';
import { type PageId, ROUTES, useLinks, useParam } from './paths';

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
  u: 'metrics',
  y: 'sync',
};
/** After `g`, on the pages about the machine's clusters too. */
export const HOST_PLACES = { h: ROUTES.clusters, '+': ROUTES.create } as const;

/** What keys do to the panels below the page, wherever the focus is but in one that takes all keys. */
export const DOCK_KEYS: Record<string, 'next' | 'close' | 'fold'> = { w: 'next', q: 'close', z: 'fold' };

/** Gives the keyboard to a page, and in it to its list, if there is one by now. */
export const takeKeys = (page: HTMLElement | null) =>
  (page?.querySelector<HTMLElement>('[role=grid]') ?? page)?.focus({ preventScroll: true });

/** A key by itself, which nobody else has taken and which is typed into nothing. */
const isPlain = (event: KeyboardEvent) =>
  !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target);

/** What a key does to the palette before its field is there; null for keys that do nothing. */
export function typeAhead(key: string, { line }: { line: string }) {
  if (key === 'Enter') return { entered: true };
  if (key === 'Escape') return { palette: false };
  if (key === 'Backspace') return { line: line.slice(0, -1) };
  return key.length === 1 ? { line: line + key } : null;
}

/** How long `g` waits for its letter. */
const CHORD_MS = 1500;

/** The keys that work everywhere: the palette's, those of help and filter, and what follows `g`, which `go` is told. */
function useGlobalKeys(go: (key: string) => void) {
  const chord = useRef(0);
  const follow = useRef(go);
  follow.current = go;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key === 'k' && (event.metaKey || (event.ctrlKey && !ofEditor(event.target)))) {
        event.preventDefault();
        openPalette();
        return;
      }
      if (!isPlain(event)) return;
      if (useUi.getState().palette) {
        // Its field is not there yet.
        const typed = typeAhead(event.key, useUi.getState());
        if (!typed) return;
        event.preventDefault();
        event.stopPropagation();
        useUi.setState(typed);
        return;
      }
      // The other hand still holds it down.
      if (event.key === 'Shift') return;
      if (Date.now() - chord.current < CHORD_MS) {
        chord.current = 0;
        event.preventDefault();
        event.stopPropagation();
        follow.current(event.key);
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
  }, []);
}

/** The keys of the pages about the machine's clusters. */
export function useHostKeys() {
  const [, navigate] = useLocation();
  useGlobalKeys((key) => {
    if (key in HOST_PLACES) navigate(HOST_PLACES[key as keyof typeof HOST_PLACES]);
  });
}

/** The keys within a cluster: places and kinds after `g`, and a digit for a namespace, 0 for all of them. */
export function useClusterKeys() {
  const [, navigate] = useLocation();
  const links = useLinks();
  const { resources } = useCluster();
  const namespaces = useNamespaces();
  const [, choose] = useParam('ns');
  useGlobalKeys((key) => {
    if (key in HOST_PLACES) return navigate(HOST_PLACES[key as keyof typeof HOST_PLACES]);
    if (key in PLACES) return navigate(links.page(PLACES[key]));
    const found = findResource(resources, KINDS[key] ?? '');
    if (found) navigate(links.list(found));
  });
  usePlainKeys((event) => {
    if (!/^\d$/.test(event.key)) return;
    const name = event.key === '0' ? '' : ownFirst(namespaces)[Number(event.key) - 1];
    if (name === undefined) return;
    event.preventDefault();
    choose(name);
  });
}

/** Listens to keys that belong to nobody else. */
export function usePlainKeys(hear: (event: KeyboardEvent) => void) {
  const now = useRef(hear);
  now.current = hear;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (isPlain(event)) now.current(event);
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
}

/** On an object's own page the keys of its actions need no row. */
export function useActionKeys(actions: Action[], run: (id: ActionId) => void) {
  usePlainKeys((event) => {
    const action = forPage(event.target) && actions.find(({ key }) => key === event.key);
    if (!action) return;
    event.preventDefault();
    run(action.id);
  });
}
