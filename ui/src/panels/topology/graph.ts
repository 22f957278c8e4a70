/** The map of a namespace: what runs, what leads to it, what it uses. Pure. */
import type { Health, KubeObject, ObjectRef } from '../../api/contract';
import { claimOf } from '../../kinds/read';
import { usesOf } from '../../kinds/uses';

export type Shape = 'ingress' | 'service' | 'workload' | 'pods' | 'pod' | 'config' | 'secret' | 'volume';

export interface MapNode {
  id: string;
  shape: Shape;
  kind: string;
  name: string;
  namespace: string;
  health: Health;
  /** For a group: how many are ready, of how many. */
  ready?: [number, number];
  /** Null for a group. */
  ref: ObjectRef | null;
}

export interface MapEdge {
  from: string;
  to: string;
}

export interface Graph {
  nodes: MapNode[];
  edges: MapEdge[];
  /** How many nodes the limit keeps out. */
  hidden: number;
}

/** The objects of the map, by resource. */
export type Parts = Record<(typeof PARTS)[number]['resource'], KubeObject[]>;

export const PARTS = [
  { group: '', version: 'v1', resource: 'pods', shape: 'pod' },
  { group: 'apps', version: 'v1', resource: 'deployments', shape: 'workload' },
  { group: 'apps', version: 'v1', resource: 'replicasets', shape: 'workload' },
  { group: 'apps', version: 'v1', resource: 'statefulsets', shape: 'workload' },
  { group: 'apps', version: 'v1', resource: 'daemonsets', shape: 'workload' },
  { group: 'batch', version: 'v1', resource: 'jobs', shape: 'workload' },
  { group: 'batch', version: 'v1', resource: 'cronjobs', shape: 'workload' },
  { group: '', version: 'v1', resource: 'services', shape: 'service' },
  { group: 'networking.k8s.io', version: 'v1', resource: 'ingresses', shape: 'ingress' },
  { group: '', version: 'v1', resource: 'persistentvolumeclaims', shape: 'volume' },
] as const;

export const LIMIT = 500;
/** Of a workload with more pods than this the map shows one node for all. */
const SINGLE_PODS = 4;
const ORDER: Shape[] = ['workload', 'service', 'ingress', 'pods', 'pod', 'volume', 'config', 'secret'];

/** What is known of the objects: what they are, and how each is, by its UID. */
interface Known {
  parts: Parts;
  health: ReadonlyMap<string, Health>;
  /** Whether all objects are here, and not only the first of them. */
  whole: boolean;
}

export function graphOf(cluster: string, { parts, health, whole }: Known, limit = LIMIT): Graph {
  const nodes = new Map<string, MapNode>();
  const healthOf = (object: KubeObject) => health.get(uidOf(object)) ?? 'ok';
  const edges = new Map<string, MapEdge>();
  const link = (from: string, to: string) => edges.set(`${from} ${to}`, { from, to });
  const owners = ownersOf(parts);
  for (const part of PARTS) {
    if (part.resource === 'pods' || part.resource === 'replicasets') continue;
    for (const object of parts[part.resource]) add(nodes, cluster, part, object, healthOf(object));
  }
  for (const bare of parts.replicasets.filter(({ metadata }) => !metadata.ownerReferences?.length)) {
    add(nodes, cluster, PARTS[2], bare, healthOf(bare));
  }
  const groups = podGroups(parts.pods, owners);
  for (const [owner, pods] of groups) placePods(nodes, link, cluster, owner, pods, healthOf);
  const placeOf = (pod: KubeObject) => (nodes.has(uidOf(pod)) ? uidOf(pod) : `pods ${owners.get(uidOf(pod)) ?? ''}`);
  for (const job of parts.jobs) {
    const parent = job.metadata.ownerReferences?.[0]?.uid;
    if (parent !== undefined && nodes.has(parent)) link(parent, uidOf(job));
  }
  for (const service of parts.services) {
    const targets = parts.pods.filter((pod) => selects(service, pod));
    for (const pod of targets) link(uidOf(service), placeOf(pod));
    const node = nodes.get(uidOf(service));
    // Whose pods are not all here may select others.
    if (node && whole && service.spec?.selector && targets.length === 0) node.health = 'warn';
  }
  for (const ingress of parts.ingresses) {
    for (const service of parts.services) if (leadsTo(ingress, service)) link(uidOf(ingress), uidOf(service));
  }
  for (const pod of parts.pods) linkUses(nodes, link, cluster, parts, pod, owners.get(uidOf(pod)) ?? placeOf(pod));
  return cut([...nodes.values()], [...edges.values()], limit);
}

const uidOf = (object: KubeObject) => object.metadata.uid ?? object.metadata.name;

/** For each pod the UID of the workload at the top: the Deployment, not its ReplicaSet. */
function ownersOf(parts: Parts): Map<string, string> {
  const parents = new Map(parts.replicasets.map((set) => [uidOf(set), set.metadata.ownerReferences?.[0]?.uid]));
  const owners = new Map<string, string>();
  for (const pod of parts.pods) {
    const owner = pod.metadata.ownerReferences?.[0]?.uid;
    if (owner !== undefined) owners.set(uidOf(pod), parents.get(owner) ?? owner);
  }
  return owners;
}

function podGroups(pods: KubeObject[], owners: Map<string, string>): Map<string, KubeObject[]> {
  const groups = new Map<string, KubeObject[]>();
  for (const pod of pods) {
    const owner = owners.get(uidOf(pod)) ?? '';
    groups.set(owner, [...(groups.get(owner) ?? []), pod]);
  }
  return groups;
}

type Link = (from: string, to: string) => void;

function placePods(
  nodes: Map<string, MapNode>,
  link: Link,
  cluster: string,
  owner: string,
  pods: KubeObject[],
  healthOf: (pod: KubeObject) => Health,
): void {
  if (owner === '' || pods.length <= SINGLE_PODS) {
    for (const pod of pods) {
      add(nodes, cluster, PARTS[0], pod, healthOf(pod));
      if (nodes.has(owner)) link(owner, uidOf(pod));
    }
    return;
  }
  const healths = pods.map(healthOf);
  const ready = healths.filter((health) => health === 'ok' || health === 'done').length;
  const id = `pods ${owner}`;
  const { namespace = '' } = pods[0]?.metadata ?? {};
  const health = healths.includes('bad') ? 'bad' : ready < pods.length ? 'warn' : 'ok';
  nodes.set(id, {
    id,
    shape: 'pods',
    kind: 'Pods',
    name: '',
    namespace,
    health,
    ready: [ready, pods.length],
    ref: null,
  });
  if (nodes.has(owner)) link(owner, id);
}

type Part = { group: string; version: string; resource: string; shape: Shape };

function add(
  nodes: Map<string, MapNode>,
  cluster: string,
  { group, version, resource, shape }: Part,
  object: KubeObject,
  health: Health,
): void {
  const { name, namespace = '' } = object.metadata;
  const ref = { cluster, group, version, resource, namespace, name };
  const id = uidOf(object);
  nodes.set(id, {
    id,
    shape,
    kind: KINDS[resource] ?? resource,
    name,
    namespace,
    health,
    ref,
  });
}

const KINDS: Record<string, string> = {
  pods: 'Pod',
  deployments: 'Deployment',
  replicasets: 'ReplicaSet',
  statefulsets: 'StatefulSet',
  daemonsets: 'DaemonSet',
  jobs: 'Job',
  cronjobs: 'CronJob',
  services: 'Service',
  ingresses: 'Ingress',
  persistentvolumeclaims: 'Claim',
  configmaps: 'ConfigMap',
  secrets: 'Secret',
};

function linkUses(
  nodes: Map<string, MapNode>,
  link: Link,
  cluster: string,
  parts: Parts,
  pod: KubeObject,
  user: string,
): void {
  const { namespace = '' } = pod.metadata;
  const spec = pod.spec ?? {};
  for (const volume of spec.volumes ?? []) {
    const name = claimOf(volume, pod.metadata.name);
    const claim = parts.persistentvolumeclaims.find(
      ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
    );
    if (claim !== undefined) link(user, uidOf(claim));
  }
  for (const [kind, shape, resource] of [
    ['ConfigMap', 'config', 'configmaps'],
    ['Secret', 'secret', 'secrets'],
  ] as const) {
    for (const name of namesIn(spec, kind)) {
      if (name === 'kube-root-ca.crt' || usesOf(spec, kind, name).length === 0) continue;
      const id = `${kind} ${namespace}/${name}`;
      const ref = { cluster, group: '', version: 'v1', resource, namespace, name };
      // They are not listed, so that they are missing is known from who wants to start with them.
      const health = waitsFor(pod, kind, name) || nodes.get(id)?.health === 'bad' ? 'bad' : 'ok';
      nodes.set(id, { id, shape, kind, name, namespace, health, ref });
      link(user, id);
    }
  }
}

/** Whether a container of the pod cannot start because an object is not there, in the kubelet's words. */
function waitsFor({ status }: KubeObject, kind: string, name: string): boolean {
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const words = `${kind.toLowerCase()} "${name}" not found`;
  return containers.some((container) => container.state?.waiting?.message?.includes(words));
}

/** Every ConfigMap or Secret that a pod names anywhere. */
function namesIn(spec: KubeObject['spec'], kind: 'ConfigMap' | 'Secret'): Set<string> {
  const names = new Set<string>();
  const keys =
    kind === 'ConfigMap' ? ['configMap', 'configMapKeyRef', 'configMapRef'] : ['secret', 'secretKeyRef', 'secretRef'];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        if (keys.includes(key))
          names.add(
            String(
              (inner as { name?: string; secretName?: string })?.name ??
                (inner as { secretName?: string })?.secretName ??
                '',
            ),
          );
        visit(inner);
      }
    }
  };
  visit(spec);
  names.delete('');
  return names;
}

function selects(service: KubeObject, pod: KubeObject): boolean {
  const selector = Object.entries((service.spec?.selector ?? {}) as Record<string, string>);
  if (selector.length === 0 || service.metadata.namespace !== pod.metadata.namespace) return false;
  return selector.every(([key, value]) => pod.metadata.labels?.[key] === value);
}

type Backend = { service?: { name: string } };

function leadsTo(ingress: KubeObject, service: KubeObject): boolean {
  if (ingress.metadata.namespace !== service.metadata.namespace) return false;
  const rules = (ingress.spec?.rules ?? []) as { http?: { paths: { backend: Backend }[] } }[];
  const backends = rules.flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend));
  return [...backends, ingress.spec?.defaultBackend as Backend | undefined].some(
    (one) => one?.service?.name === service.metadata.name,
  );
}

/** Keeps what matters most within the limit: workloads and the ways to them before what they use. */
function cut(nodes: MapNode[], edges: MapEdge[], limit: number): Graph {
  const sorted = nodes.sort((a, b) => ORDER.indexOf(a.shape) - ORDER.indexOf(b.shape) || a.name.localeCompare(b.name));
  const kept = sorted.slice(0, limit);
  const ids = new Set(kept.map(({ id }) => id));
  return {
    nodes: kept,
    edges: edges.filter(({ from, to }) => ids.has(from) && ids.has(to)),
    hidden: nodes.length - kept.length,
  };
}

/** For the list beside the map: what a node leads to and what leads to it, by name. */
export function neighbours({ nodes, edges }: Graph, id: string): { before: MapNode[]; after: MapNode[] } {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const find = (ids: string[]) => ids.flatMap((one) => byId.get(one) ?? []);
  return {
    before: find(edges.filter(({ to }) => to === id).map(({ from }) => from)),
    after: find(edges.filter(({ from }) => from === id).map(({ to }) => to)),
  };
}
