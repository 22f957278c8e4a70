import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import type { MetricsSpec, NodeUsage, ViewMessage } from '../api/contract';
import { socket } from './hooks';
import { Store } from './store';

type Amounts = Pick<NodeUsage, 'cpu' | 'memory'>;

/** What each pod and node uses now, by namespace and name; nodes have no namespace. */
export class Usage extends Store<{ by: ReadonlyMap<string, Amounts> }> {
  private view = 0;

  constructor(private readonly views: Pick<typeof socket, 'open' | 'close'> = socket) {
    super({ by: new Map() });
  }

  open(cluster: string) {
    const spec: MetricsSpec = { kind: 'metrics', cluster, latest: true };
    this.view = this.views.open(spec, { message: (message) => this.hear(message), connection: () => undefined });
  }

  close() {
    this.views.close(this.view);
  }

  of = (namespace: string, name: string): Amounts | undefined => this.state.by.get(`${namespace}/${name}`);

  private hear(message: ViewMessage) {
    if (message.type !== 'metrics') return;
    const pods = message.pods.map((pod): [string, Amounts] => [`${pod.namespace}/${pod.name}`, pod]);
    const nodes = message.nodes.map((node): [string, Amounts] => [`/${node.name}`, node]);
    this.set({ by: new Map([...pods, ...nodes]) });
  }
}

/** Follows what is used while `wanted`. */
export function useUsage(cluster: string, wanted: boolean): Usage | null {
  const [usage] = useState(() => new Usage());
  useEffect(() => {
    if (!wanted) return;
    usage.open(cluster);
    return () => usage.close();
  }, [usage, cluster, wanted]);
  return wanted ? usage : null;
}

/** One amount of one object as text, which draws anew only when the text is another. */
export function useAmount(usage: Usage, namespace: string, name: string, read: (amounts: Amounts) => string): string {
  const snapshot = useCallback(() => {
    const amounts = usage.of(namespace, name);
    return amounts ? read(amounts) : '';
  }, [usage, namespace, name, read]);
  return useSyncExternalStore(usage.subscribe, snapshot);
}
