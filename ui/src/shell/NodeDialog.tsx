import { clusterAction } from '../api/agent';
import type { ObjectRef } from '../api/contract';
import { Dialog } from '../components/Dialog';
import { useI18n } from '../i18n';

interface Props {
  node: Pick<ObjectRef, 'cluster' | 'name'>;
  action: 'stop' | 'kill' | 'remove';
}

/** Asks before a node is stopped or switched off, the lesson in self-healing, or taken out of the cluster. */
export function NodeDialog({ node, action }: Props) {
  const { t } = useI18n();
  const { cluster, name } = node;
  return (
    <Dialog
      title={t(`${action}.title`, { name })}
      description={t(`${action}.text`)}
      confirm={{
        label: t(action === 'stop' ? 'node.stop' : `action.${action}`),
        danger: true,
        run: () => clusterAction(cluster, { action: `${action}-node`, node: name }),
        good: t('started'),
      }}
    />
  );
}
