import { useEffect, useState } from 'react';
import { createObject, deleteObject, getObject } from '../../api/k8s';
import { useObject } from '../../store/hooks';
import type { KubeObject } from '../json';
import { messageOf } from '../parts';
import type { Place } from './exec';
import { toolPod } from './toolpod';

const PODS = { group: '', version: 'v1', resource: 'pods' };

export interface Tool {
  place: Place | null;
  enter: string[];
  error: string;
}

/** Keeps a tool pod on a node for as long as the panel is open; null makes none. */
export function useToolPod(cluster: string, namespace: string, wish: { node: string; claim?: string } | null): Tool {
  const [made, setMade] = useState<{ name: string; enter: string[] } | null>(null);
  const [error, setError] = useState('');
  const node = wish?.node ?? '';
  const claim = wish?.claim;
  useEffect(() => {
    if (node === '') return;
    const name = `${claim === undefined ? 'console' : 'files'}-${crypto.randomUUID().slice(0, 8)}`;
    const ref = { cluster, ...PODS, namespace, name };
    let created: Promise<unknown> | undefined;
    const make = async () => {
      const nodeRef = { cluster, group: '', version: 'v1', resource: 'nodes', namespace: '', name: node };
      const tool = toolPod({
        name,
        namespace,
        node: await getObject(nodeRef),
        ...(claim === undefined ? {} : { claim }),
      });
      if (tool === null) throw new Error(`the node ${node} has no pause image or an unknown architecture`);
      created = createObject(cluster, PODS, namespace, tool.pod);
      await created;
      setMade({ name, enter: tool.enter });
    };
    const making = make().catch((failure) => setError(messageOf(failure)));
    const remove = () => {
      // Its own pod only: what is not there any more needs no removal.
      void making
        .then(() => created)
        .then(() => deleteObject(ref, 'Background', 0))
        .catch(() => undefined);
    };
    addEventListener('pagehide', remove);
    return () => {
      removeEventListener('pagehide', remove);
      setMade(null);
      remove();
    };
  }, [cluster, namespace, node, claim]);
  const view = useObject(made === null ? null : { cluster, ...PODS, namespace, name: made.name });
  const running = made !== null && view.data?.metadata.name === made.name && view.data?.status?.phase === 'Running';
  const place = running ? { cluster, namespace, pod: made.name, container: 'tool' } : null;
  return { place, enter: made?.enter ?? [], error: error || (running ? '' : waitingFor(view.data)) };
}

/** Why the pod does not run yet, where its kubelet has said so. */
function waitingFor(pod: KubeObject | null | undefined): string {
  const [status] = (pod?.status?.containerStatuses ?? []) as { state?: { waiting?: { message?: string } } }[];
  return status?.state?.waiting?.message ?? '';
}
