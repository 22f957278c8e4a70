import type { Gvr, KubeObject, ObjectRef } from './contract';
import { json, type RequestOptions, send } from './http';

/** Requests to a cluster's API server, through the agent. */

export interface KubeList<T = KubeObject> {
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}

type Query = Record<string, string | number | boolean | undefined>;

/** Who the page is in `managedFields`. */
export const FIELD_MANAGER = 'devcluster-dashboard';

/** The agent's address of a path of the cluster's API server. */
export function clusterPath(cluster: string, path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value));
  const text = search.toString();
  return `/api/clusters/${encodeURIComponent(cluster)}/k8s${path}${text ? `?${text}` : ''}`;
}

/** The path of a resource, of one object of it, or of an object's subresource. */
export function resourcePath(gvr: Gvr, namespace = '', name = '', subresource = ''): string {
  const root = gvr.group === '' ? `/api/${gvr.version}` : `/apis/${gvr.group}/${gvr.version}`;
  const parts = [
    ...(namespace ? ['namespaces', namespace] : []),
    gvr.resource,
    ...(name ? [name] : []),
    ...(subresource ? subresource.split('/') : []),
  ];
  return `${root}/${parts.map(encodeURIComponent).join('/')}`;
}

export const getPath = <T>(cluster: string, path: string, query?: Query, options?: RequestOptions) =>
  json<T>(clusterPath(cluster, path, query), options);

export const getObject = (ref: ObjectRef, signal?: AbortSignal) =>
  json<KubeObject>(clusterPath(ref.cluster, resourcePath(ref, ref.namespace, ref.name)), { signal });

export const listObjects = <T = KubeObject>(cluster: string, gvr: Gvr, namespace = '', query: Query = {}) =>
  json<KubeList<T>>(clusterPath(cluster, resourcePath(gvr, namespace), query));

export const createObject = (cluster: string, gvr: Gvr, namespace: string, body: unknown, query: Query = {}) =>
  json<KubeObject>(clusterPath(cluster, resourcePath(gvr, namespace), { fieldManager: FIELD_MANAGER, ...query }), {
    method: 'POST',
    body,
  });

export type Propagation = 'Background' | 'Foreground' | 'Orphan';

export const deleteObject = (ref: ObjectRef, propagation: Propagation, gracePeriodSeconds?: number) =>
  json<KubeObject>(clusterPath(ref.cluster, resourcePath(ref, ref.namespace, ref.name)), {
    method: 'DELETE',
    body: {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy: propagation,
      gracePeriodSeconds,
      preconditions: ref.uid ? { uid: ref.uid } : undefined,
    },
  });

export type PatchType = 'merge' | 'strategic' | 'json' | 'apply';

const PATCH_TYPES: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};

export const patchObject = (ref: ObjectRef, type: PatchType, body: unknown, subresource = '', query: Query = {}) =>
  json<KubeObject>(
    clusterPath(ref.cluster, resourcePath(ref, ref.namespace, ref.name, subresource), {
      fieldManager: FIELD_MANAGER,
      ...query,
    }),
    { method: 'PATCH', contentType: PATCH_TYPES[type], body },
  );

export const replaceObject = (ref: ObjectRef, body: unknown, subresource = '', query: Query = {}) =>
  json<KubeObject>(
    clusterPath(ref.cluster, resourcePath(ref, ref.namespace, ref.name, subresource), {
      fieldManager: FIELD_MANAGER,
      ...query,
    }),
    { method: 'PUT', body },
  );

/** Posts to a subresource, such as an eviction. */
export const postSubresource = (ref: ObjectRef, subresource: string, body: unknown) =>
  json<unknown>(clusterPath(ref.cluster, resourcePath(ref, ref.namespace, ref.name, subresource)), {
    method: 'POST',
    body,
  });

/** Sends a request and hands out the response, for streams. */
export const stream = (cluster: string, path: string, query?: Query, options?: RequestOptions) =>
  send(clusterPath(cluster, path, query), options);
