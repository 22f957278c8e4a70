import type { Gvr } from '../api/contract';
import { json } from '../api/http';
import { clusterPath } from '../api/k8s';

/** A kind that the cluster serves, as its discovery tells. */
export interface Resource extends Gvr {
  kind: string;
  namespaced: boolean;
  verbs: string[];
  short: string[];
  singular: string;
  subresources: string[];
  /** Comes from a CustomResourceDefinition or an aggregated server. */
  custom: boolean;
}

interface Discovery {
  items: {
    metadata: { name?: string };
    versions: {
      version: string;
      resources: {
        resource: string;
        responseKind: { kind: string };
        scope: 'Namespaced' | 'Cluster';
        singularResource: string;
        verbs: string[];
        shortNames?: string[];
        subresources?: { subresource: string }[];
      }[];
    }[];
  }[];
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Everything the cluster serves, each resource once, in its preferred version. */
export async function discover(cluster: string): Promise<Resource[]> {
  const [core, groups] = await Promise.all(
    ['/api', '/apis'].map((path) => json<Discovery>(clusterPath(cluster, path), { accept: AGGREGATED })),
  );
  return [...flatten(core), ...flatten(groups)];
}

export function flatten(discovery: Discovery | undefined): Resource[] {
  const found = new Map<string, Resource>();
  for (const group of discovery?.items ?? []) {
    const name = group.metadata.name ?? '';
    for (const { version, resources } of group.versions) {
      for (const entry of resources) {
        const key = `${name}/${entry.resource}`;
        if (found.has(key)) continue;
        found.set(key, {
          group: name,
          version,
          resource: entry.resource,
          kind: entry.responseKind.kind,
          namespaced: entry.scope === 'Namespaced',
          verbs: entry.verbs,
          short: entry.shortNames ?? [],
          singular: entry.singularResource,
          subresources: (entry.subresources ?? []).map(({ subresource }) => subresource),
          custom: !builtIn(name),
        });
      }
    }
  }
  return [...found.values()];
}

/** Whether a group is Kubernetes' own: those have one word, or end in `.k8s.io`. */
export const builtIn = (group: string) => !group.includes('.') || group.endsWith('.k8s.io');

/** Finds a resource by what people type: plural, singular, kind, short name, or `plural.group`. */
export function findResource(resources: Resource[], word: string): Resource | undefined {
  const wanted = word.toLowerCase();
  const names = (r: Resource) => [r.resource, r.singular, r.kind.toLowerCase(), ...r.short, `${r.resource}.${r.group}`];
  return resources.find((r) => r.verbs.includes('list') && names(r).includes(wanted));
}

/** Finds a resource by an object's or a reference's type. */
export function byKind(resources: Resource[], apiVersion: string, kind: string): Resource | undefined {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return resources.find((r) => r.group === group && r.kind === kind);
}

/** The kind in the plural, as a title: `NetworkPolicies`. */
export function plural({ kind, resource }: Pick<Resource, 'kind' | 'resource'>): string {
  const lower = kind.toLowerCase();
  let same = 0;
  while (same < lower.length && lower[same] === resource[same]) same++;
  return same === 0 ? kind : kind.slice(0, same) + resource.slice(same);
}

export const apiVersion = ({ group, version }: Gvr) => (group ? `${group}/${version}` : version);
