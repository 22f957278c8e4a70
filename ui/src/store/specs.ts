import type { Gvr, ListSpec } from '../api/contract';

/** A list spec with everything left open but what is given. */
export function listSpec(cluster: string, gvr: Gvr, rest: Partial<ListSpec> = {}): ListSpec {
  const { group, version, resource } = gvr;
  return {
    kind: 'list',
    cluster,
    group,
    version,
    resource,
    namespaces: [],
    labelSelector: '',
    fieldSelector: '',
    filter: '',
    columns: [],
    offset: 0,
    limit: 200,
    ...rest,
  };
}
