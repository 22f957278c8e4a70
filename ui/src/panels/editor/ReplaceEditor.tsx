import { useState } from 'react';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { useI18n } from '../../i18n';
import { podAgain } from '../../kinds/again';
import { useObject } from '../../store/hooks';
import { Failure, Loading } from '../parts';
import CreateEditor from './CreateEditor';
import { toText } from './document';

/** Edits a pod that nobody makes anew: it cannot be changed, so another of its name takes its place. */
export default function ReplaceEditor({ target, onSaved }: { target: ObjectRef; onSaved?: () => void }) {
  const { t } = useI18n();
  const { data, error } = useObject(target);
  // As it was first: what becomes of the old one is no change of the text.
  const [pod, setPod] = useState<KubeObject | null>(null);
  if (data && pod === null) setPod(data);
  if (pod === null)
    return data === null ? (
      <Failure error={t('panel.shell.gone', { pod: target.name })} />
    ) : error ? (
      <Failure error={error} />
    ) : (
      <Loading />
    );
  const { uid } = pod.metadata;
  return (
    <CreateEditor
      cluster={target.cluster}
      namespace={target.namespace}
      initial={toText(podAgain(pod))}
      draft={`${target.cluster} replace ${uid}`}
      replaces={{ ...target, ...(uid ? { uid } : {}) }}
      {...(onSaved ? { onSaved } : {})}
    />
  );
}
