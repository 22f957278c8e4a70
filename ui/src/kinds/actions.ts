import type { LucideIcon } from 'lucide-react';
import {
  Ban,
  CirclePause,
  CirclePlay,
  Copy,
  Cpu,
  FileCode,
  Forward,
  Power,
  PowerOff,
  Repeat,
  RotateCw,
  Scaling,
  ScrollText,
  SquareChevronRight,
  SquareTerminal,
  Trash2,
  Zap,
} from 'lucide-react';
import type { Column, KubeObject, ObjectRef, Row } from '../api/contract';
import type { Resource } from './discovery';
import { conditions } from './read';
import { longName } from './sections';

export type ActionId =
  | 'logs'
  | 'shell'
  | 'edit'
  | 'forward'
  | 'scale'
  | 'restart'
  | 'suspend'
  | 'resume'
  | 'pause'
  | 'continue'
  | 'trigger'
  | 'rerun'
  | 'cordon'
  | 'uncordon'
  | 'drain'
  | 'kill'
  | 'start'
  | 'remove'
  | 'copy'
  | 'command'
  | 'delete';

/** What can be done with objects of a kind: one table for menus, keys, palette and bulk bar. */
export interface Action {
  id: ActionId;
  icon: LucideIcon;
  /** The key that does it on the focused row. */
  key: string;
  danger?: boolean;
  /** Whether it can be done to many at once. */
  many?: boolean;
  /** Whether it is done as soon as it is chosen: nothing opens, and nobody asks. */
  atOnce?: boolean;
  on: (resource: Resource) => boolean;
  /** Whether it makes sense for this object as it is now; asked only where the object is at hand. */
  when?: (object: KubeObject) => boolean;
  /** The same for the row of a list: what stands in columns of it, where there are such columns. */
  row?: Record<string, RegExp>;
  /** Whether it mostly does, so that its button has its place before the object is there. */
  usual?: boolean;
}

const kinds = (...names: string[]) => {
  const set = new Set(names);
  return (resource: Resource) => set.has(longName(resource));
};

const WORKLOADS = ['deployments.apps', 'statefulsets.apps', 'daemonsets.apps'];
const nodes = kinds('nodes');
const suspendable = kinds('cronjobs.batch', 'jobs.batch');

const isFinished = (job: KubeObject) =>
  conditions(job).some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');

const isReady = (node: KubeObject) =>
  conditions(node).some(({ type, status }) => type === 'Ready' && status === 'True');

export const ACTIONS: Action[] = [
  {
    id: 'logs',
    icon: ScrollText,
    key: 'l',
    on: kinds('pods', 'services', 'replicasets.apps', 'jobs.batch', 'replicationcontrollers', ...WORKLOADS),
  },
  { id: 'shell', icon: SquareTerminal, key: 's', on: kinds('pods', 'nodes') },
  { id: 'edit', icon: FileCode, key: 'e', on: (resource) => resource.verbs.includes('patch') },
  { id: 'forward', icon: Forward, key: 'f', on: kinds('pods', 'services', 'replicasets.apps', ...WORKLOADS) },
  { id: 'scale', icon: Scaling, key: 'c', many: true, on: (resource) => resource.subresources.includes('scale') },
  { id: 'restart', icon: RotateCw, key: 'r', many: true, on: kinds(...WORKLOADS) },
  {
    id: 'suspend',
    icon: CirclePause,
    key: 'p',
    atOnce: true,
    many: true,
    on: suspendable,
    when: (object) => !object.spec?.suspend && !isFinished(object),
    usual: true,
    row: { Suspend: /false/i, Status: /^(Running)?$/ },
  },
  {
    id: 'resume',
    icon: CirclePlay,
    key: 'u',
    atOnce: true,
    many: true,
    on: suspendable,
    when: (object) => object.spec?.suspend === true,
    row: { Suspend: /true/i, Status: /^Suspended$/ },
  },
  {
    id: 'pause',
    icon: CirclePause,
    key: 'p',
    atOnce: true,
    many: true,
    on: kinds('deployments.apps'),
    when: (object) => !object.spec?.paused,
    usual: true,
  },
  {
    id: 'continue',
    icon: CirclePlay,
    key: 'u',
    atOnce: true,
    many: true,
    on: kinds('deployments.apps'),
    when: (object) => object.spec?.paused === true,
  },
  { id: 'trigger', icon: Zap, key: 't', atOnce: true, on: kinds('cronjobs.batch') },
  {
    id: 'rerun',
    icon: Repeat,
    key: 't',
    atOnce: true,
    on: kinds('jobs.batch'),
    when: isFinished,
    row: { Status: /^(Complete|Failed)$/ },
  },
  {
    id: 'cordon',
    icon: Ban,
    key: 'p',
    atOnce: true,
    many: true,
    on: nodes,
    when: (object) => !object.spec?.unschedulable,
    usual: true,
    row: { Status: /^(?!.*SchedulingDisabled)/ },
  },
  {
    id: 'uncordon',
    icon: CirclePlay,
    key: 'u',
    atOnce: true,
    many: true,
    on: nodes,
    when: (object) => object.spec?.unschedulable,
    row: { Status: /SchedulingDisabled/ },
  },
  { id: 'drain', icon: Cpu, key: 'r', on: nodes },
  { id: 'kill', icon: PowerOff, key: 'x', danger: true, on: nodes },
  {
    id: 'start',
    icon: Power,
    key: 'o',
    atOnce: true,
    on: nodes,
    when: (object) => !isReady(object),
    row: { Status: /NotReady|Unknown/ },
  },
  {
    id: 'remove',
    icon: Trash2,
    key: 'Delete',
    danger: true,
    on: nodes,
    // How many masters there are is decided when the cluster is made.
    when: (object) => object.metadata.labels?.['node-role.kubernetes.io/control-plane'] === undefined,
    usual: true,
    row: { Roles: /^(?!.*control-plane)/ },
  },
  { id: 'copy', icon: Copy, key: 'y', atOnce: true, on: () => true },
  { id: 'command', icon: SquareChevronRight, key: 'Y', atOnce: true, many: true, on: () => true },
  {
    id: 'delete',
    icon: Trash2,
    key: 'Delete',
    danger: true,
    many: true,
    on: (r) => r.verbs.includes('delete') && !nodes(r),
  },
];

export const actionsFor = (resource: Resource): Action[] => ACTIONS.filter((action) => action.on(resource));

/** The actions that make sense for what a row of a list says. */
export function actionsForRow(resource: Resource, columns: Column[], { cells }: Pick<Row, 'cells'>): Action[] {
  const fits = ([name, pattern]: [string, RegExp]) => {
    const cell = cells[columns.findIndex((column) => column.name === name)];
    return cell === undefined || pattern.test(String(cell));
  };
  return actionsFor(resource).filter(({ row = {} }) => Object.entries(row).every(fits));
}

/** The command that gets the same objects in a terminal, those of each namespace by one of its own. */
export function kubectlCommand(resource: Resource, refs: ObjectRef[]): string {
  const kind = longName(resource);
  return [...new Set(refs.map(({ namespace }) => namespace))]
    .map((namespace) => {
      const inside = refs.filter((ref) => ref.namespace === namespace);
      const where = namespace ? ` -n ${namespace}` : '';
      const names = inside.map(({ name }) => name).join(' ');
      return `kubectl --context devcluster-${inside[0]?.cluster}${where} get ${kind} ${names}`;
    })
    .join('\n');
}
