import { CirclePause, CirclePlay, Plus, PowerOff, Rocket, Trash2 } from 'lucide-react';
import { clusterAction } from '../api/agent';
import type { Cluster, ClusterAction } from '../api/contract';
import { Dialog } from '../components/Dialog';
import type { MenuEntry } from '../components/Menu';
import { Command } from '../components/parts';
import { type Key, useI18n } from '../i18n';
import { type ClusterActionId, clusterActions } from '../kinds/clusters';
import { useHost } from '../store/host';
import { attempt, openDialog } from '../store/ui';
import { AddNodesDialog } from './AddNodesDialog';

export interface ClusterEntry extends MenuEntry {
  id: ClusterActionId;
  label: string;
}

const LOOKS: Record<ClusterActionId, { icon: MenuEntry['icon']; label: Key }> = {
  start: { icon: <CirclePlay />, label: 'cluster.start' },
  unpause: { icon: <CirclePlay />, label: 'cluster.unpause' },
  add: { icon: <Plus />, label: 'node.add' },
  demo: { icon: <Rocket />, label: 'cluster.demo' },
  pause: { icon: <CirclePause />, label: 'cluster.pause' },
  stop: { icon: <PowerOff />, label: 'cluster.stop' },
  delete: { icon: <Trash2 />, label: 'action.delete' },
};

/** What can be done with a cluster as it is now, for its card and for the palette. */
export function useClusterActions(): (cluster: Cluster) => ClusterEntry[] {
  const { t } = useI18n();
  const operations = useHost((host) => host.operations);
  const remove = (name: string) =>
    openDialog(
      <Dialog
        title={t('cluster.delete.title', { name })}
        description={t('cluster.delete.text')}
        confirm={{ label: t('action.delete'), danger: true, run: () => clusterAction(name, { action: 'delete' }) }}
      >
        <Command text={`devcluster down --name ${name}`} />
      </Dialog>,
    );
  const run = (name: string, id: ClusterActionId) => {
    if (id === 'delete') return remove(name);
    if (id === 'add') return openDialog(<AddNodesDialog cluster={name} />);
    void attempt(() => clusterAction(name, { action: id } satisfies ClusterAction));
  };
  return (cluster) =>
    clusterActions(cluster, operations).map((id) => ({
      id,
      label: t(LOOKS[id].label as 'cluster.start'),
      icon: LOOKS[id].icon,
      danger: id === 'delete',
      run: () => run(cluster.name, id),
    }));
}
