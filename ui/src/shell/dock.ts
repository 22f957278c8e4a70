import type { ObjectRef } from '../api/contract';

/** The panels that stay open below the page, as the `dock` parameter has them. */
export type DockKind = 'logs' | 'previous' | 'shell' | 'edit' | 'forward' | 'create';

export interface DockTab {
  kind: DockKind;
  /** Without its cluster, which is the page's. */
  ref: Omit<ObjectRef, 'cluster'>;
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

/** `active;kind~group~version~resource~namespace~name;…`: characters that no name has. */
export function writeDock({ tabs, active }: DockState): string {
  if (tabs.length === 0) return '';
  const parts = tabs.map(({ kind, ref }) =>
    [kind, ref.group, ref.version, ref.resource, ref.namespace, ref.name].join('~'),
  );
  return [active, ...parts].join(';');
}

export function readDock(text: string): DockState {
  const [active = '0', ...parts] = text.split(';');
  const tabs = parts.flatMap((part): DockTab[] => {
    const [kind, group, version, resource, namespace, name] = part.split('~');
    if (!kind || group === undefined || !version || !resource || namespace === undefined || !name) return [];
    return [{ kind: kind as DockKind, ref: { group, version, resource, namespace, name } }];
  });
  return { tabs, active: Math.min(Math.max(0, Number(active) || 0), Math.max(0, tabs.length - 1)) };
}

const same = (a: DockTab, b: DockTab) => writeDock({ tabs: [a], active: 0 }) === writeDock({ tabs: [b], active: 0 });

/** Shows a tab, opening it unless it is open. */
export function showTab(state: DockState, tab: DockTab): DockState {
  const open = state.tabs.findIndex((other) => same(other, tab));
  if (open >= 0) return { ...state, active: open };
  return { tabs: [...state.tabs, tab], active: state.tabs.length };
}

export function closeTab(state: DockState, index: number): DockState {
  const tabs = state.tabs.filter((_, other) => other !== index);
  const active = state.active > index || state.active === tabs.length ? state.active - 1 : state.active;
  return { tabs, active: Math.max(0, active) };
}
