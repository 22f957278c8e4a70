import type { Cluster, ClusterState, Health, Operation } from '../api/contract';

const HEALTH: Record<ClusterState, Health> = {
  running: 'ok',
  creating: 'warn',
  partial: 'warn',
  paused: 'done',
  stopped: 'done',
};

export const clusterHealth = (state: ClusterState): Health => HEALTH[state] ?? 'warn';

/** Whether a cluster answers nobody: it does not run, or not the most of its masters do. */
export function isAsleep({ state, nodes }: Pick<Cluster, 'state' | 'nodes'>): boolean {
  if (state !== 'partial') return state !== 'running';
  const masters = nodes.filter(({ role }) => role === 'master');
  return masters.filter((master) => master.state === 'running').length * 2 <= masters.length;
}

export type ClusterActionId = 'start' | 'unpause' | 'add' | 'demo' | 'pause' | 'stop' | 'delete';

/** What can be done with a cluster as it is, while some operations run. One on its way out is left alone. */
export function clusterActions(
  { name, state }: Pick<Cluster, 'name' | 'state'>,
  operations: Pick<Operation, 'cluster' | 'action' | 'state'>[],
): ClusterActionId[] {
  const running = operations.filter((one) => one.cluster === name && one.state === 'running');
  if (running.some(({ action }) => action === 'delete')) return [];
  const live: ClusterActionId[] = ['add', 'demo', 'pause', 'stop', 'delete'];
  switch (state) {
    case 'stopped':
      return ['start', 'delete'];
    case 'paused':
      return ['unpause', 'delete'];
    case 'partial':
      return running.length === 0 ? ['start', ...live] : live;
    case 'running':
      return live;
    default:
      return ['delete'];
  }
}

const NAME = /^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$/;

/** Whether a cluster may have the name: it becomes part of host names. */
export const validClusterName = (name: string) => NAME.test(name);

/** How many nodes there are of each sort. */
export interface Numbers {
  masters: number;
  workers: number;
  /** Without machines. */
  simulated: number;
}

/** The bounds of each number, as they are asked for by the page. */
export const BOUNDS: Record<keyof Numbers, { least: number; most: number }> = {
  masters: { least: 1, most: 9 },
  workers: { least: 1, most: 100 },
  simulated: { least: 0, most: 10_000 },
};

/** What is wrong with a number: no whole one within its bounds, or masters of which half could be all that live. */
export function wrongNumber(of: keyof Numbers, value: number): 'create.count' | 'create.odd' | '' {
  const { least, most } = BOUNDS[of];
  if (!Number.isInteger(value) || value < least || value > most) return 'create.count';
  return of === 'masters' && value % 2 === 0 ? 'create.odd' : '';
}

/** The command that makes the same cluster as the form. */
export function upCommand(name: string, { masters, workers, simulated }: Numbers, sample: boolean): string {
  // While somebody types a number there may be none.
  const text = (number: number) => (Number.isNaN(number) ? '…' : number);
  const more = simulated > 0 ? ` --simulated ${simulated}` : '';
  const demo = sample ? ` && devcluster demo --name ${name}` : '';
  return `devcluster up --name ${name} --masters ${text(masters)} --workers ${text(workers)}${more}${demo}`;
}

/** The command that adds the same nodes as the dialog. */
export const addCommand = (cluster: string, count: number, simulated: boolean) =>
  `devcluster node add ${simulated ? '--simulated ' : ''}${count} --name ${cluster}`;

/** The command after which kubectl talks to a cluster. */
export const contextCommand = (cluster: string) => `kubectl config use-context devcluster-${cluster}`;
