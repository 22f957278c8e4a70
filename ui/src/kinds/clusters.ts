import type { ClusterState, Health } from '../api/contract';

const HEALTH: Record<ClusterState, Health> = {
  running: 'ok',
  creating: 'warn',
  partial: 'warn',
  paused: 'done',
  stopped: 'done',
};

export const clusterHealth = (state: ClusterState): Health => HEALTH[state] ?? 'warn';

const NAME = /^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$/;

/** Whether a cluster may have the name: it becomes part of host names. */
export const validClusterName = (name: string) => NAME.test(name);

/** The command that makes the same cluster as the form. */
export const upCommand = (name: string, masters: number, workers: number, sample: boolean) =>
  `devcluster up --name ${name} --masters ${masters} --workers ${workers}${sample ? ` && devcluster demo --name ${name}` : ''}`;
