import { create } from 'zustand';
import type { Cluster, Forward, HostMessage, Operation, Sync } from '../api/contract';
import { spoken } from '../i18n';
import { toast, useUi } from './ui';

/** What the agent says of the host, not of one cluster. */
interface Host {
  /** Null until the agent has told. */
  clusters: Cluster[] | null;
  operations: Operation[];
  forwards: Forward[];
  syncs: Sync[];
}

export const useHost = create<Host>(() => ({ clusters: null, operations: [], forwards: [], syncs: [] }));

/** Whether a cluster is on its way out; until the last of it is gone it is still listed as what it was. */
export const useDeleting = (cluster: string) =>
  useHost(({ operations }) => operations.some((one) => isDeleting(one) && one.cluster === cluster));

const isDeleting = ({ action, state }: Operation) => action === 'delete' && state === 'running';

export function hear(message: HostMessage) {
  switch (message.type) {
    case 'clusters':
      useHost.setState({ clusters: message.clusters });
      break;
    case 'operations':
      message.operations.forEach(tell);
      useHost.setState(({ operations }) => ({ operations: merge(operations.map(cease), message.operations) }));
      break;
    case 'operation':
      tell(message.operation);
      useHost.setState(({ operations }) => ({ operations: merge(operations, [message.operation]) }));
      break;
    case 'forwards':
      useHost.setState({ forwards: message.forwards });
      break;
    case 'syncs':
      useHost.setState({ syncs: message.syncs });
  }
}

/** The operations whose outcome a page shows in its own place. */
const watched = new Set<string>();

/** Says that a page shows what comes of an operation; what it gives back ends that. */
export function watchOperation(id: string): () => void {
  watched.add(id);
  return () => {
    watched.delete(id);
  };
}

/** Tells what came of an operation that ran when it was last heard of: whoever began it may look elsewhere by now. */
function tell({ id, title, state, error }: Operation) {
  const before = useHost.getState().operations.find((other) => other.id === id);
  if (watched.has(id) || before?.state !== 'running' || (state !== 'done' && state !== 'failed')) return;
  const { say, t } = spoken();
  // That it was begun is no news any more.
  useUi.setState(({ toasts }) => ({ toasts: toasts.filter((other) => other.text !== t('started')) }));
  const reason = typeof error === 'string' ? error : error?.message;
  toast(state === 'done' ? 'good' : 'bad', `${say(title)}: ${reason ?? t(`operation.${state}`)}`);
}

/** What ran when its agent ended does so no more, unless the agent says otherwise. */
const cease = (operation: Operation): Operation =>
  operation.state === 'running' ? { ...operation, state: 'cancelled' } : operation;

/** Puts newer states of operations in the place of older ones; unknown ones go to the end. */
export function merge(operations: Operation[], newer: Operation[]): Operation[] {
  const result = [...operations];
  for (const operation of newer) {
    const index = result.findIndex((other) => other.id === operation.id);
    if (index < 0) result.push(operation);
    else result[index] = operation;
  }
  return result;
}
