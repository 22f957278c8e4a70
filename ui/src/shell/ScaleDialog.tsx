import { useEffect, useRef, useState } from 'react';
import type { KubeObject, ObjectRef } from '../api/contract';
import { json } from '../api/http';
import { clusterPath, patchObject, resourcePath } from '../api/k8s';
import { Dialog } from '../components/Dialog';
import { useI18n } from '../i18n';
import { each } from '../kinds/each';
import { AUTOSCALERS } from '../kinds/gvrs';
import { scalersOf } from '../kinds/scalers';
import { useObjects } from '../store/objects';
import { toast } from '../store/ui';

/** `proposed` replicas stand in the field instead of those that there are. */
export function ScaleDialog({ refs, proposed = '' }: { refs: ObjectRef[]; proposed?: string | undefined }) {
  const { t, tn } = useI18n();
  const [there, setThere] = useState('');
  const [typed, setTyped] = useState(proposed || null);
  const replicas = typed ?? there;
  const field = useRef<HTMLInputElement>(null);
  const [first] = refs;
  useEffect(() => {
    if (!first) return;
    const path = clusterPath(first.cluster, resourcePath(first, first.namespace, first.name, 'scale'));
    json<KubeObject>(path).then(
      (scale) => setThere(String(scale.spec?.replicas ?? 0)),
      (error: Error) => toast('bad', error.message),
    );
  }, [first]);
  // What is typed takes the place of what there is.
  // biome-ignore lint/correctness/useExhaustiveDependencies: as soon as it is known.
  useEffect(() => {
    if (typed === null) field.current?.select();
  }, [there, typed]);
  const namespaces = [...new Set(refs.map(({ namespace }) => namespace))];
  const scalers = useObjects({ cluster: first?.cluster ?? '', ...AUTOSCALERS, namespaces });
  const names = refs.length === 1 ? (first?.name ?? '') : tn('objects', refs.length);
  const run = async () => {
    const body = { spec: { replicas: Number(replicas) } };
    await each(refs, (ref) => patchObject(ref, 'merge', body, 'scale'));
  };
  return (
    <Dialog
      title={t('scale.title', { names })}
      confirm={{
        label: t('action.scale'),
        disabled: !/^\d+$/.test(replicas),
        run,
        good: t('done.scale', { names, replicas }),
      }}
    >
      <label className="field">
        <span>{t('scale.replicas')}</span>
        <input
          className="input"
          type="number"
          min={0}
          value={replicas}
          ref={field}
          onChange={(event) => setTyped(event.target.value)}
        />
      </label>
      {scalersOf(scalers.objects, refs).map(({ metadata: { uid, name }, spec }) => (
        <p key={uid} className="note warn">
          {t('scale.scaler', { name, least: spec.minReplicas ?? 1, most: spec.maxReplicas })}
        </p>
      ))}
    </Dialog>
  );
}
