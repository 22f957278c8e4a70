import type { ObjectRef } from '../api/contract';

/** The panels that stay open below the page, as the `dock` parameter has them. */
export type DockKind = 'logs' | 'previous' | 'shell' | 'edit' | 'forward' | 'create' | 'replace';

export interface DockTab {
  kind: DockKind;
  /** Without its cluster, which is the page's. */
  ref: Omit<ObjectRef, 'cluster'>;
  /** How it is looked at, as the query of an address. */
  state?: string;
}

/** What `create` is about when it is about no kind: whatever is pasted. */
export const anything = (namespace = ''): DockTab['ref'] => ({
  group: '',
  version: 'v1',
  resource: 'any',
  namespace,
  name: 'YAML',
});

export interface DockState {
  tabs: DockTab[];
  active: number;
}

/** `active;kind~group~version~resource~namespace~name~state;…`: characters that no name has, nor a query. */
export function writeDock({ tabs, active }: DockState): string {
  if (tabs.length === 0) return '';
  const parts = tabs.map(({ kind, ref, state }) =>
    [kind, ref.group, ref.version, ref.resource, ref.namespace, ref.name, ...(state ? [state] : [])].join('~'),
  );
  return [active, ...parts].join(';');
}

export function readDock(text: string): DockState {
  const [active = '0', ...parts] = text.split(';');
  const tabs = parts.flatMap((part): DockTab[] => {
    const [kind, group, version, resource, namespace, name, state] = part.split('~');
    if (!kind || group === undefined || !version || !resource || namespace === undefined || !name) return [];
    const ref = { group, version, resource, namespace, name };
    return [{ kind: kind as DockKind, ref, ...(state ? { state } : {}) }];
  });
  return { tabs, active: Math.min(Math.max(0, Number(active) || 0), Math.max(0, tabs.length - 1)) };
}

const nameOf = ({ kind, ref }: DockTab) => writeDock({ tabs: [{ kind, ref }], active: 0 });

/** Shows a tab, opening it unless it is open; one that is open is looked at in the new way, if there is one. */
export function showTab(state: DockState, tab: DockTab): DockState {
  const open = state.tabs.findIndex((other) => nameOf(other) === nameOf(tab));
  if (open >= 0) return { ...(tab.state === undefined ? state : keepState(state, open, tab.state)), active: open };
  return { tabs: [...state.tabs, tab], active: state.tabs.length };
}

/** Keeps how a tab is looked at. */
export function keepState(state: DockState, index: number, text: string): DockState {
  return { ...state, tabs: state.tabs.map((tab, other) => (other === index ? { ...tab, state: text } : tab)) };
}

export function closeTab(state: DockState, index: number): DockState {
  const tabs = state.tabs.filter((_, other) => other !== index);
  const active = state.active > index || state.active === tabs.length ? state.active - 1 : state.active;
  return { tabs, active: Math.max(0, active) };
}
