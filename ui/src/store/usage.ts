import { useCallback, useState, useSyncExternalStore } from 'react';
import type { NodeUsage, ViewMessage } from '../api/contract';
import { socket, useFollowed } from './hooks';
import { View } from './view';

type Amounts = Pick<NodeUsage, 'cpu' | 'memory'>;
type ByName = ReadonlyMap<string, Amounts>;

/** What each pod and node uses now, by namespace and name; nodes have no namespace. */
export type Usage = View<ByName>;

const NOTHING: ByName = new Map();

function usageAfter(before: ByName, message: ViewMessage): ByName {
  if (message.type !== 'metrics') return before;
  const pods = message.pods.map((pod): [string, Amounts] => [`${pod.namespace}/${pod.name}`, pod]);
  const nodes = message.nodes.map((node): [string, Amounts] => [`/${node.name}`, node]);
  return new Map([...pods, ...nodes]);
}

/** Follows what is used while `wanted`. */
export function useUsage(cluster: string, wanted: boolean): Usage | null {
  const [usage] = useState(() => new View(socket, NOTHING, usageAfter));
  useFollowed(usage, wanted ? { kind: 'metrics', cluster, latest: true } : null);
  return wanted ? usage : null;
}

/** One amount of one object as text, which draws anew only when the text is another. */
export function useAmount(usage: Usage, namespace: string, name: string, read: (amounts: Amounts) => string): string {
  const snapshot = useCallback(() => {
    const amounts = usage.snapshot().data.get(`${namespace}/${name}`);
    return amounts ? read(amounts) : '';
  }, [usage, namespace, name, read]);
  return useSyncExternalStore(usage.subscribe, snapshot);
}
