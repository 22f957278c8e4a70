import { useMemo } from 'react';
import { useRoute, useSearchParams } from 'wouter';
import type { Gvr, ObjectRef } from '../api/contract';
import { PODS } from '../kinds/gvrs';

/**
 * The page's addresses. All state that is worth keeping or sharing is in them: the path says what is shown, the query
 * how. `ns` (namespaces), `dock` (open panels) and `tour` (the tour's stop) go along from page to page.
 */
const KEPT = ['ns', 'dock', 'tour'];

export const ROUTES = {
  clusters: '/',
  create: '/create',
  cluster: '/c/:cluster/*?',
  list: '/c/:cluster/r/:group/:version/:resource',
  object: '/c/:cluster/r/:group/:version/:resource/:namespace/:name',
} as const;

/** The pages of a cluster that are not about one kind. */
export const PAGES = ['events', 'map', 'metrics', 'images', 'forwards', 'sync'] as const;
export type PageId = (typeof PAGES)[number];

const enc = encodeURIComponent;
const gvrPath = ({ group, version, resource }: Gvr) => `${group || 'core'}/${version}/${resource}`;

export const clusterHref = (cluster: string) => `/c/${enc(cluster)}`;
export const listHref = (cluster: string, gvr: Gvr) => `${clusterHref(cluster)}/r/${gvrPath(gvr)}`;
export const objectHref = (ref: ObjectRef) =>
  `${listHref(ref.cluster, ref)}/${enc(ref.namespace || '_')}/${enc(ref.name)}`;

/** Where the guided tour begins: at the sample's pods. */
export const tourHref = (cluster: string) => `${listHref(cluster, PODS)}?ns=default&tour=1`;

/** The same page or list of another cluster; of an object its list, as the other cluster has other objects. */
export function elsewhereHref(path: string, cluster: string): string {
  const [, start, , ...rest] = path.split('/');
  const kept = start === 'c' ? rest.slice(0, rest[0] === 'r' ? 4 : 1) : [];
  return [clusterHref(cluster), ...kept].join('/');
}

export interface Links {
  cluster: string;
  /** Empty: all. */
  namespaces: string[];
  page: (id?: PageId, query?: Record<string, string>) => string;
  list: (gvr: Gvr, query?: Record<string, string>) => string;
  object: (ref: Omit<ObjectRef, 'cluster'>, query?: Record<string, string>) => string;
}

/** Links within the cluster that is shown; they keep the namespaces and the dock, unless the query empties them. */
export function useLinks(): Links {
  const cluster = useClusterName();
  const [search] = useSearchParams();
  const text = search.toString();
  return useMemo(() => {
    const params = new URLSearchParams(text);
    const keep = (path: string, query: Record<string, string> = {}) => {
      const next = new URLSearchParams();
      for (const key of KEPT) if (params.has(key)) next.set(key, params.get(key) ?? '');
      for (const [key, value] of Object.entries(query)) {
        if (value === '') next.delete(key);
        else next.set(key, value);
      }
      const kept = next.toString();
      return kept ? `${path}?${kept}` : path;
    };
    return {
      cluster,
      namespaces: parseNamespaces(params),
      page: (id, query) => keep(clusterHref(cluster) + (id ? `/${id}` : ''), query),
      list: (gvr, query) => keep(listHref(cluster, gvr), query),
      object: (ref, query) => keep(objectHref({ cluster, ...ref }), query),
    };
  }, [cluster, text]);
}

export function useClusterName(): string {
  const [, params] = useRoute(ROUTES.cluster);
  return params?.cluster ?? '';
}

export const parseNamespaces = (params: URLSearchParams) =>
  (params.get('ns') ?? '').split(',').filter((name) => name !== '');

/** One parameter of the query, and how to set it; the empty string removes it. With another value others are no use. */
export function useParam(name: string, ...others: string[]): [string, (value: string) => void] {
  const [params, setParams] = useSearchParams();
  const set = (value: string) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (value === '') next.delete(name);
        else next.set(name, value);
        for (const other of others) next.delete(other);
        return next;
      },
      { replace: true },
    );
  return [params.get(name) ?? '', set];
}
