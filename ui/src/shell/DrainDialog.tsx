import { useState } from 'react';
import type { ObjectRef } from '../api/contract';
import { listObjects, patchObject, postSubresource } from '../api/k8s';
import { Dialog } from '../components/Dialog';
import { useI18n } from '../i18n';
import { drainable, each } from '../kinds/actions';
import { useObjects } from '../store/objects';
import { toast } from '../store/ui';

const PODS = { group: '', version: 'v1', resource: 'pods' };

/** Cordons a node and evicts its pods; disruption budgets may refuse, and what they refused is told. */
export function DrainDialog({ node }: { node: ObjectRef }) {
  const { t, tn } = useI18n();
  const [progress, setProgress] = useState('');
  const fieldSelector = `spec.nodeName=${node.name}`;
  const { objects } = useObjects({ cluster: node.cluster, ...PODS, namespaces: [], fieldSelector });
  const lost = drainable(objects).filter(
    ({ metadata }) => !metadata.ownerReferences?.some((owner) => owner.controller),
  );
  const run = async () => {
    await patchObject(node, 'merge', { spec: { unschedulable: true } });
    const { items } = await listObjects(node.cluster, PODS, '', { fieldSelector });
    const refs = drainable(items).map(({ metadata }) => ({
      ...PODS,
      cluster: node.cluster,
      namespace: metadata.namespace ?? '',
      name: metadata.name,
    }));
    const evict = (ref: ObjectRef) =>
      postSubresource(ref, 'eviction', {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: ref.name, namespace: ref.namespace },
      });
    const failed = await each(refs, evict, (done) => setProgress(t('drain.progress', { done, all: refs.length })));
    for (const { ref, error } of failed) toast('bad', `${ref.name}: ${error.message}`);
    toast('good', tn('drain.done', refs.length - failed.length));
  };
  return (
    <Dialog
      title={t('drain.title', { name: node.name })}
      description={t('drain.text')}
      confirm={{ label: t('action.drain'), run }}
    >
      {lost.length > 0 && (
        <p className="note warn">{t('drain.lost', { names: lost.map(({ metadata }) => metadata.name).join(', ') })}</p>
      )}
      {progress && <p role="status">{progress}</p>}
    </Dialog>
  );
}
