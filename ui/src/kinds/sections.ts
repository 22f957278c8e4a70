import type { Resource } from './discovery';

/** How the navigation groups what the cluster serves: by what people want of it, `resource` or `resource.group`. */
export const SECTIONS = {
  workloads: [
    'pods',
    'deployments.apps',
    'statefulsets.apps',
    'daemonsets.apps',
    'replicasets.apps',
    'jobs.batch',
    'cronjobs.batch',
    'replicationcontrollers',
    'horizontalpodautoscalers.autoscaling',
    'poddisruptionbudgets.policy',
    'podtemplates',
    'controllerrevisions.apps',
  ],
  network: [
    'services',
    'ingresses.networking.k8s.io',
    'networkpolicies.networking.k8s.io',
    'endpointslices.discovery.k8s.io',
    'ingressclasses.networking.k8s.io',
    'servicecidrs.networking.k8s.io',
    'ipaddresses.networking.k8s.io',
  ],
  config: ['configmaps', 'secrets', 'resourcequotas', 'limitranges', 'priorityclasses.scheduling.k8s.io'],
  storage: ['persistentvolumeclaims', 'persistentvolumes', 'storageclasses.storage.k8s.io'],
  access: [
    'serviceaccounts',
    'roles.rbac.authorization.k8s.io',
    'rolebindings.rbac.authorization.k8s.io',
    'clusterroles.rbac.authorization.k8s.io',
    'clusterrolebindings.rbac.authorization.k8s.io',
    'certificatesigningrequests.certificates.k8s.io',
  ],
  cluster: ['nodes', 'namespaces', 'events', 'leases.coordination.k8s.io'],
} as const;

export type SectionId = keyof typeof SECTIONS | 'custom';

export interface Section {
  id: SectionId;
  resources: Resource[];
}

/** Shown elsewhere, or twice: the core group has them too. */
const HIDDEN = new Set(['events.events.k8s.io', 'endpoints']);

export const longName = ({ group, resource }: Pick<Resource, 'group' | 'resource'>) =>
  group ? `${resource}.${group}` : resource;

/** Sorts what can be listed into the sections; built-in kinds that no section names belong to the cluster. */
export function sections(resources: Resource[]): Section[] {
  const left = new Map(
    resources.filter((r) => r.verbs.includes('list') && !HIDDEN.has(longName(r))).map((r) => [longName(r), r]),
  );
  const result: Section[] = [];
  for (const [id, names] of Object.entries(SECTIONS)) {
    const found = names.flatMap((name) => left.get(name) ?? []);
    for (const name of names) left.delete(name);
    result.push({ id: id as SectionId, resources: found });
  }
  const rest = [...left.values()];
  result.at(-1)?.resources.push(...rest.filter((r) => !r.custom));
  const custom = rest.filter((r) => r.custom).sort((a, b) => longName(a).localeCompare(longName(b)));
  result.push({ id: 'custom', resources: custom });
  return result.filter((section) => section.resources.length > 0);
}
