import type { ObjectRef } from '../api/contract';
import { Dialog } from '../components/Dialog';
import { useI18n } from '../i18n';

/** Switches a node's power off: the lesson in self-healing. */
export function KillDialog({ node, kill }: { node: ObjectRef; kill: () => Promise<unknown> }) {
  const { t } = useI18n();
  return (
    <Dialog
      title={t('kill.title', { name: node.name })}
      description={t('kill.text')}
      confirm={{ label: t('action.kill'), danger: true, run: kill, good: t('kill.done', { name: node.name }) }}
    />
  );
}
