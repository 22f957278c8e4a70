import {
  createContext,
  type ReactNode,
  startTransition,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from 'react';
import type { Cluster, Count, Gvr, ObjectRef } from '../api/contract';
import { byKind, discover, type Resource } from '../kinds/discovery';
import { CRDS } from '../kinds/gvrs';
import { longName, type Section, sections } from '../kinds/sections';
import { useCounts } from '../store/hooks';
import { useHost } from '../store/host';
import { useLinks } from './paths';

/** What all pages of a cluster know about it. */
export interface ClusterInfo {
  name: string;
  /** Undefined when the host has no such cluster. */
  cluster: Cluster | undefined;
  resources: Resource[];
  sections: Section[];
  error: Error | null;
  retry: () => void;
  find: (gvr: Pick<Gvr, 'group' | 'resource'>) => Resource | undefined;
  refTo: (apiVersion: string, kind: string, namespace: string, name: string) => ObjectRef | undefined;
}

const Context = createContext<ClusterInfo | null>(null);
/** Apart from the rest: they change all the time, and few draw them. */
const Counts = createContext<ReadonlyMap<string, Count>>(new Map());

/** How many objects the cluster has of each kind, by the kind's long name. */
export const useKindCounts = () => useContext(Counts);

export function useCluster(): ClusterInfo {
  const info = useContext(Context);
  if (!info) throw new Error('useCluster outside of a cluster page');
  return info;
}

/** Learns what the cluster serves and counts it; learns anew when types come or go. */
export function ClusterProvider({ children }: { children: ReactNode }) {
  const { cluster: name, namespaces } = useLinks();
  const cluster = useHost((host) => host.clusters?.find((c) => c.name === name));
  const running = cluster?.state === 'running' || cluster?.state === 'partial';
  const [resources, setResources] = useState<Resource[]>([]);
  const [error, setError] = useState<Error | null>(null);
  const [attempt, setAttempt] = useState(0);
  const retry = useCallback(() => setAttempt((n) => n + 1), []);

  const grouped = useMemo(() => sections(resources), [resources]);
  const spec = useMemo(() => {
    const counted = grouped.flatMap((section) => section.resources).filter((r) => r.verbs.includes('watch'));
    const gvrs = counted.map(({ group, version, resource }) => ({ group, version, resource }));
    return { cluster: name, resources: gvrs, namespaces };
  }, [grouped, name, namespaces]);
  const { data } = useCounts(running && spec.resources.length > 0 ? spec : null);
  const counts = useMemo(() => new Map(data.map((count) => [longName(count), count])), [data]);
  // How many there are, and how they are: one that is not established yet brings no kind.
  const types = JSON.stringify(counts.get(longName(CRDS)));

  // biome-ignore lint/correctness/useExhaustiveDependencies: another UID, other types, another attempt ask anew.
  useEffect(() => {
    if (!running) return;
    let current = true;
    discover(name).then(
      (found) => {
        if (!current) return;
        // They bring the navigation and the page at once: drawn in short pieces.
        startTransition(() => {
          setResources(found);
          setError(null);
        });
      },
      (cause: Error) => current && setError(cause),
    );
    return () => {
      current = false;
    };
  }, [name, running, cluster?.uid, types, attempt]);

  const info = useMemo<ClusterInfo>(
    () => ({
      name,
      cluster,
      resources,
      sections: grouped,
      error,
      retry,
      find: ({ group, resource }) => resources.find((r) => r.group === group && r.resource === resource),
      refTo: (apiVersion, kind, namespace, object) => {
        const found = byKind(resources, apiVersion, kind);
        if (!found) return undefined;
        const { group, version, resource, namespaced } = found;
        return { cluster: name, group, version, resource, namespace: namespaced ? namespace : '', name: object };
      },
    }),
    [name, cluster, resources, grouped, error, retry],
  );
  return (
    <Context value={info}>
      <Counts value={counts}>{children}</Counts>
    </Context>
  );
}
