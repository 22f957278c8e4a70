import { useEffect, useRef, useState } from 'react';
import type { ObjectRef } from '../api/contract';
import { patchObject, postSubresource } from '../api/k8s';
import { Cut } from '../components/Cut';
import { Dialog } from '../components/Dialog';
import { Failure } from '../components/parts';
import { useI18n } from '../i18n';
import { drainable, evictAll, lostBy } from '../kinds/drain';
import { PODS } from '../kinds/gvrs';
import { useObjects } from '../store/objects';

/** After so long a budget that refused is asked again (milliseconds). */
const AGAIN = 5000;

/** Cordons a node, evicts its pods, asking again where disruption budgets refuse, and waits until they have gone. */
export function DrainDialog({ node }: { node: ObjectRef }) {
  const { t, tn } = useI18n();
  const fieldSelector = `spec.nodeName=${node.name}`;
  const { objects, total, loaded, error } = useObjects({
    cluster: node.cluster,
    ...PODS,
    namespaces: [],
    fieldSelector,
  });
  const pods = drainable(objects);
  const lost = lostBy(pods);
  const [evicted, setEvicted] = useState<ReadonlySet<string> | null>(null);
  const [held, setHeld] = useState(0);
  /** Goes on when the pods have gone, or nobody looks any more. */
  const gone = useRef<(() => void) | undefined>(undefined);
  const open = useRef(true);
  const waited = useRef(0);
  const left = pods.filter(({ metadata }) => evicted?.has(metadata.uid ?? '')).length;
  waited.current = left;
  useEffect(() => {
    if (evicted && left === 0) gone.current?.();
  }, [evicted, left]);
  useEffect(() => {
    open.current = true;
    return () => {
      open.current = false;
      gone.current?.();
    };
  }, []);

  const run = async () => {
    await patchObject(node, 'merge', { spec: { unschedulable: true } });
    setEvicted(new Set(pods.map(({ metadata }) => metadata.uid ?? '')));
    const refs = pods.map(({ metadata: { namespace = '', name } }) => ({
      cluster: node.cluster,
      ...PODS,
      namespace,
      name,
    }));
    const evict = ({ name, namespace, ...ref }: ObjectRef) =>
      postSubresource({ ...ref, name, namespace }, 'eviction', {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, namespace },
      });
    await evictAll(refs, evict, async (count) => {
      setHeld(count);
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
      return open.current;
    });
    setHeld(0);
    if (open.current && waited.current > 0)
      await new Promise<void>((resolve) => {
        gone.current = resolve;
      });
  };
  return (
    <Dialog
      title={t('drain.title', { name: node.name })}
      description={t('drain.text')}
      confirm={{
        label: t('action.drain'),
        run,
        disabled: !loaded || total > objects.length,
        good: tn('drain.done', pods.length),
      }}
    >
      <Failure error={error} />
      {loaded && <Cut kind="Pods" objects={objects} total={total} />}
      {lost.bare.length > 0 && <p className="note warn">{t('drain.lost', { names: lost.bare.join(', ') })}</p>}
      {lost.emptyDir.length > 0 && (
        <p className="note warn">{t('drain.emptyDir', { names: lost.emptyDir.join(', ') })}</p>
      )}
      {evicted && <p role="status">{t('drain.progress', { done: evicted.size - left, all: evicted.size })}</p>}
      {held > 0 && <p className="note">{tn('drain.held', held)}</p>}
    </Dialog>
  );
}
