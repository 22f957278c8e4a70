import type { ListSpec } from '../../api/contract';
import { useList, useListState } from '../../store/hooks';

/** The services of a namespace that can be forwarded to, as `service/web` and with the first of their ports. */
export function useServices(cluster: string, namespace: string): Map<string, string> {
  const spec: ListSpec = {
    kind: 'list',
    cluster,
    group: '',
    version: 'v1',
    resource: 'services',
    namespaces: [namespace],
    labelSelector: '',
    fieldSelector: '',
    filter: '',
    columns: [],
    offset: 0,
    limit: 500,
  };
  const view = useList(namespace === '' ? null : spec);
  const { columns, order } = useListState(view).data;
  const ports = columns.findIndex(({ name }) => name === 'Port(s)');
  const rows = order.flatMap((uid) => view.row(uid) ?? []);
  return new Map(rows.map(({ name, cells }) => [`service/${name}`, firstPort(String(cells[ports] ?? ''))]));
}

/** `80` of `80:31615/TCP,443/TCP`. */
export const firstPort = (ports: string): string => /^\d+/.exec(ports)?.[0] ?? '';
