import type { KubeObject, ObjectRef } from '../../api/contract';
import { patchObject } from '../../api/k8s';
import { Dialog } from '../../components/Dialog';
import { Button } from '../../components/parts';
import { useI18n } from '../../i18n';
import { openDialog } from '../../store/ui';

/** Says what a deletion waits for. Who should take a finalizer away may be gone for good, so there is a way without. */
export function Stuck({ object, target }: { object: KubeObject; target: ObjectRef }) {
  const { t } = useI18n();
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (!deletionTimestamp || finalizers.length === 0) return null;
  return (
    <div className="note warn row" role="status">
      <span className="grow">{t('stuck', { finalizers: finalizers.join(', ') })}</span>
      <Button look="small" onClick={() => openDialog(<ReleaseDialog target={target} finalizers={finalizers} />)}>
        {t('stuck.release')}
      </Button>
    </div>
  );
}

function ReleaseDialog({ target, finalizers }: { target: ObjectRef; finalizers: string[] }) {
  const { t } = useI18n();
  const run = () => patchObject(target, 'merge', { metadata: { finalizers: null } });
  return (
    <Dialog
      title={t('stuck.title', { name: target.name })}
      description={t('stuck.text')}
      confirm={{ label: t('stuck.confirm'), danger: true, run }}
    >
      <ul className="evidence mono">
        {finalizers.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
    </Dialog>
  );
}
