import type { Numbers } from '../kinds/clusters';
import type { ClusterAction, FileFault, Forward, Image, Sync, WantedSync } from './contract';
import { json } from './http';

/** The agent's own requests: clusters, operations, forwards, folders. Everything in a cluster goes through `k8s.ts`. */

const cluster = (name: string) => `/api/clusters/${encodeURIComponent(name)}`;

/** With `sample` the sample application is deployed once the cluster is ready, as a part of the same operation. */
export const createCluster = (body: { name: string; sample: boolean } & Numbers) =>
  json<{ operation: string }>('/api/clusters', { method: 'POST', body });

export const clusterAction = (name: string, body: ClusterAction) =>
  json<{ operation: string }>(`${cluster(name)}/actions`, { method: 'POST', body });

export const cancelOperation = (id: string) =>
  json<void>(`/api/operations/${encodeURIComponent(id)}`, { method: 'DELETE' });

/** What each node has against a pod; nothing where it could run. */
export const whyPod = (name: string, namespace: string, pod: string) =>
  json<{ nodes: { node: string; reasons: string[] }[] }>(
    `${cluster(name)}/why/${encodeURIComponent(namespace)}/${encodeURIComponent(pod)}`,
  );

export const listImages = (name: string) => json<Image[]>(`${cluster(name)}/images`);

/** Takes an archive of `docker save` into all nodes; tells which images were in it. */
export const loadArchive = (name: string, archive: Blob) =>
  json<{ image: string }[]>(`${cluster(name)}/images`, {
    method: 'POST',
    contentType: 'application/x-tar',
    body: archive,
  });

export const createForward = (body: {
  cluster: string;
  namespace: string;
  target: string;
  port: number;
  local?: number;
}) => json<Forward>('/api/forwards', { method: 'POST', body });

export const deleteForward = (id: string) =>
  json<void>(`/api/forwards/${encodeURIComponent(id)}`, { method: 'DELETE' });

export const createSync = (body: WantedSync) => json<Sync>('/api/syncs', { method: 'POST', body });

/**
 * What an apply would change in the cluster (`diff`), or what a pull would change in the files (`preview`), as texts of
 * `diff -u`; `pull` changes it and names the objects.
 */
export const lookAtSync = (look: 'diff' | 'preview' | 'pull', body: WantedSync) =>
  json<{ changes: string[]; faults: FileFault[] }>(`/api/syncs/${look}`, { method: 'POST', body });

export const deleteSync = (id: string) => json<void>(`/api/syncs/${encodeURIComponent(id)}`, { method: 'DELETE' });

/**
 * Where a forward answers. Pages are led to by a name that is not the address of this one, for browsers send its cookie
 * to every port of a host.
 */
export const localAddress = ({ local, protocol }: Pick<Forward, 'local' | 'protocol'>) =>
  `${protocol === 'TCP' ? 'localhost' : '127.0.0.1'}:${local}`;
