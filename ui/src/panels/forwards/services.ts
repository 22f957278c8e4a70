import type { KubeObject, ObjectRef } from '../../api/contract';
import { SERVICES } from '../../kinds/gvrs';
import { containersOf } from '../../kinds/read';
import { useList, useListState, useObject } from '../../store/hooks';
import { listSpec } from '../../store/specs';

/** The services of a namespace that can be forwarded to, as `service/web` and with the first of their ports. */
export function useServices(cluster: string, namespace: string): Map<string, string> {
  const spec = listSpec(cluster, SERVICES, { namespaces: [namespace], limit: 500 });
  const view = useList(namespace === '' ? null : spec);
  const { columns, order } = useListState(view).data;
  const ports = columns.findIndex(({ name }) => name === 'Port(s)');
  const rows = order.flatMap((uid) => view.row(uid) ?? []);
  return new Map(rows.map(({ name, cells }) => [`service/${name}`, firstPort(String(cells[ports] ?? ''))]));
}

/** `80` of `80:31615/TCP,443/TCP`. */
export const firstPort = (ports: string): string => /^\d+/.exec(ports)?.[0] ?? '';

/** The object that `deployment/web` names. */
export function objectOf(namespace: string, target: string): Omit<ObjectRef, 'cluster'> {
  const [kind = '', name = ''] = target.split('/');
  const group = kind === 'service' || kind === 'pod' ? '' : 'apps';
  return { group, version: 'v1', resource: `${kind}s`, namespace, name };
}

/** The ports of a target, as it tells them. */
export function usePorts(cluster: string, namespace: string, target = ''): number[] {
  const ref = objectOf(namespace, target);
  const { data } = useObject(ref.name === '' ? null : { cluster, ...ref });
  return data ? portsOf(data) : [];
}

/** A service's own ports, or those of the containers; forwards know no others than TCP. */
export function portsOf(object: KubeObject): number[] {
  const all: { port?: number; containerPort?: number; protocol?: string }[] =
    object.kind === 'Service' ? (object.spec?.ports ?? []) : containersOf(object).flatMap(({ ports = [] }) => ports);
  return all.flatMap(({ port, containerPort, protocol = 'TCP' }) =>
    protocol === 'TCP' ? (port ?? containerPort ?? []) : [],
  );
}
