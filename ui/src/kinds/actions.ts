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
import { spoken } from '../i18n';
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

/** The patches that actions are. */
export const restartPatch = (now: string) => ({
  spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': now } } } },
});

/** The job that a cron job would make, made by hand. */
export function jobFrom(cronJob: KubeObject, suffix: string) {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${cronJob.metadata.name.slice(0, 52)}-${suffix}`,
      namespace: cronJob.metadata.namespace,
      labels: metadata?.labels,
      annotations: { ...metadata?.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [
        {
          apiVersion: cronJob.apiVersion,
          kind: cronJob.kind,
          name: cronJob.metadata.name,
          uid: cronJob.metadata.uid,
          controller: true,
        },
      ],
    },
    spec,
  };
}

/** What the controller puts into a job to know its pods by. */
const OWN_LABELS = ['controller-uid', 'job-name', 'batch.kubernetes.io/controller-uid', 'batch.kubernetes.io/job-name'];

/** A job as it was once asked for, under another name: what its controller and its run have added is left out. */
export function jobAgain(job: KubeObject, suffix: string) {
  const own = (labels: Record<string, string> = {}) =>
    Object.fromEntries(Object.entries(labels).filter(([label]) => !OWN_LABELS.includes(label)));
  const { selector: _selector, manualSelector: _manual, suspend: _suspend, template, ...spec } = job.spec;
  const { name, namespace, labels } = job.metadata;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `${name.slice(0, 52)}-${suffix}`, namespace, labels: own(labels) },
    spec: {
      ...spec,
      template: { ...template, metadata: { ...template.metadata, labels: own(template.metadata?.labels) } },
    },
  };
}

/** What the server itself puts into every pod. */
const OWN_VOLUME = /^kube-api-access-/;
const OWN_TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** A pod as it was once asked for: what the server, the scheduler and the kubelet have added is left out. */
export function podAgain(pod: KubeObject): KubeObject {
  const { name, namespace, labels, annotations } = pod.metadata;
  const {
    nodeName: _node,
    serviceAccount: _account,
    ephemeralContainers: _debug,
    priority: _priority,
    ...spec
  } = pod.spec;
  const mounted = (container: { volumeMounts?: { name: string }[] }) => {
    const { volumeMounts = [], ...rest } = container;
    const own = volumeMounts.filter((mount) => !OWN_VOLUME.test(mount.name));
    return own.length > 0 ? { ...rest, volumeMounts: own } : rest;
  };
  const left = {
    volumes: (spec.volumes ?? []).filter((volume: { name: string }) => !OWN_VOLUME.test(volume.name)),
    tolerations: (spec.tolerations ?? []).filter(
      ({ key, tolerationSeconds }: { key?: string; tolerationSeconds?: number }) =>
        !(OWN_TAINTS.includes(key ?? '') && tolerationSeconds === 300),
    ),
    initContainers: (spec.initContainers ?? []).map(mounted),
    containers: (spec.containers ?? []).map(mounted),
  };
  const full = Object.fromEntries(
    Object.entries({ ...spec, ...left }).filter(([, value]) => !(Array.isArray(value) && value.length === 0)),
  );
  const { [LAST_APPLIED]: _copy, ...own } = annotations ?? {};
  const told = { labels, annotations: Object.keys(own).length > 0 ? own : undefined };
  const metadata = { name, namespace, ...Object.fromEntries(Object.entries(told).filter(([, value]) => value)) };
  return { apiVersion: pod.apiVersion, kind: pod.kind, metadata, spec: full } as KubeObject;
}

/** Where `kubectl apply` keeps what it was given. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

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

interface Failed {
  ref: ObjectRef;
  error: Error;
}

/** How many failures one message tells. */
const TOLD = 4;

/** Does work on many objects, a few at a time, and with the others when one fails. Throws one message of all that failed. */
export async function each(refs: ObjectRef[], work: (ref: ObjectRef) => Promise<unknown>): Promise<void> {
  const failed: Failed[] = [];
  const queue = [...refs];
  const worker = async () => {
    for (let ref = queue.shift(); ref; ref = queue.shift()) {
      try {
        await work(ref);
      } catch (error) {
        failed.push({ ref, error: error as Error });
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  if (failed.length > 0) throw together(failed, refs.length);
}

function together(failed: Failed[], all: number): Error {
  const { t, tn } = spoken();
  const [first] = failed;
  if (all === 1 && first) return first.error;
  const told = failed.slice(0, TOLD).map(({ ref, error }) => `${fullName(ref)}: ${error.message}`);
  if (failed.length > TOLD) told.push(tn('others', failed.length - TOLD));
  return new Error(t('failed.some', { failed: failed.length, all, list: told.join('; ') }));
}

/** The name with its namespace, where it has one. */
export const fullName = ({ namespace, name }: Pick<ObjectRef, 'namespace' | 'name'>) =>
  namespace ? `${namespace}/${name}` : name;
