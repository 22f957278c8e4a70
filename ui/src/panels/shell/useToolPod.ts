import { useEffect, useState } from 'react';
import type { KubeObject } from '../../api/contract';
import { ApiError, messageOf } from '../../api/http';
import { createObject, deleteObject, getObject } from '../../api/k8s';
import { spoken } from '../../i18n';
import { NODES, PODS } from '../../kinds/gvrs';
import { useObject } from '../../store/hooks';
import { toast } from '../../store/ui';

import type { Place } from './exec';
import { toolPod } from './toolpod';

export interface ToolWish {
  node: string;
  /** Whether it must run on this node. */
  pinned: boolean;
  claim?: string;
}

/** Keeps a tool pod for as long as the panel is open; null makes none. */
export function useToolPod(
  cluster: string,
  namespace: string,
  wish: ToolWish | null,
): { place: Place | null; error: string } {
  const [made, setMade] = useState('');
  const [error, setError] = useState('');
  const text = wish === null ? '' : JSON.stringify(wish);
  useEffect(() => {
    if (text === '') return;
    const { node, pinned, claim } = JSON.parse(text) as ToolWish;
    const name = `${claim === undefined ? 'console' : 'files'}-${crypto.randomUUID().slice(0, 8)}`;
    const make = async () => {
      const nodeRef = { cluster, ...NODES, namespace: '', name: node };
      const found = await getObject(nodeRef);
      const pod = toolPod({ name, namespace, node: found, pinned, ...(claim === undefined ? {} : { claim }) });
      if (pod === null) throw new Error(spoken().t('panel.shell.noTools', { node }));
      await createObject(cluster, PODS, namespace, pod);
      setMade(name);
    };
    const making = make().catch((failure) => setError(messageOf(failure)));
    const remove = () => {
      void making
        .then(() => deleteObject({ cluster, ...PODS, namespace, name }, 'Background', 0))
        .catch((failure) => {
          // What is not there any more needs no removal.
          if (!(failure instanceof ApiError && failure.code === 404)) toast('bad', `${name}: ${messageOf(failure)}`);
        });
    };
    addEventListener('pagehide', remove);
    return () => {
      removeEventListener('pagehide', remove);
      setMade('');
      setError('');
      remove();
    };
  }, [cluster, namespace, text]);
  const view = useObject(made === '' ? null : { cluster, ...PODS, namespace, name: made });
  const running = made !== '' && view.data?.metadata.name === made && view.data?.status?.phase === 'Running';
  const place = running ? { cluster, namespace, pod: made, container: 'tool' } : null;
  return { place, error: error || (running ? '' : waitingFor(view.data)) };
}

/** Why the pod does not run yet, where its kubelet or the scheduler has said so. */
function waitingFor(pod: KubeObject | null | undefined): string {
  const [status] = (pod?.status?.containerStatuses ?? []) as { state?: { waiting?: { message?: string } } }[];
  const conditions = (pod?.status?.conditions ?? []) as { type: string; status: string; message?: string }[];
  const unscheduled = conditions.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  return status?.state?.waiting?.message ?? unscheduled?.message ?? '';
}
