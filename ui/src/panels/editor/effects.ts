/** What saving a change will do, told from the object before and the object the server answers with in a dry run. */
import type { KubeObject } from '../../api/contract';
import { isMap, same } from '../json';

/** Worded by the catalogue under `effect.KIND`. */
export type Effect =
  | { kind: 'nothing' }
  | { kind: 'restarts'; pods: number }
  | { kind: 'replaces'; pods: number }
  | { kind: 'onDelete'; pods: number }
  | { kind: 'paused' }
  | { kind: 'scales'; from: number; to: number }
  | { kind: 'suspends' }
  | { kind: 'resumes' }
  | { kind: 'reschedules' }
  | { kind: 'nextRun' }
  | { kind: 'selectsOther' }
  | { kind: 'mountedFollow' }
  | { kind: 'environmentWaits' }
  | { kind: 'immutableFromNow' }
  | { kind: 'onlyMetadata' }
  | { kind: 'resize' }
  | { kind: 'changes' };

const WITH_TEMPLATE = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController'];

/** In the order in which they matter. Never empty. */
export function effects(before: KubeObject, after: KubeObject): Effect[] {
  const changed = [
    'spec',
    'data',
    'binaryData',
    'stringData',
    'type',
    'immutable',
    'rules',
    'subjects',
    'webhooks',
  ].filter((field) => !same(before[field], after[field]));
  const metadata = !same(labelsOf(before), labelsOf(after));
  if (changed.length === 0) return [{ kind: metadata ? 'onlyMetadata' : 'nothing' }];
  const found = [...workload(before, after), ...others(before, after)];
  return found.length > 0 ? found : [{ kind: 'changes' }];
}

function labelsOf(object: KubeObject): unknown {
  const { labels, annotations, finalizers, ownerReferences } = object.metadata as KubeObject['metadata'] & {
    finalizers?: unknown;
  };
  return {
    labels: labels ?? {},
    annotations: annotations ?? {},
    finalizers: finalizers ?? [],
    ownerReferences: ownerReferences ?? [],
  };
}

function workload(before: KubeObject, after: KubeObject): Effect[] {
  if (!WITH_TEMPLATE.includes(after.kind ?? '')) return [];
  const out: Effect[] = [];
  const pods = running(before);
  if (!same(before.spec?.template, after.spec?.template)) {
    if (['ReplicaSet', 'ReplicationController'].includes(after.kind ?? '')) out.push({ kind: 'onDelete', pods });
    else if (after.spec?.paused === true) out.push({ kind: 'paused' });
    else if (after.spec?.updateStrategy?.type === 'OnDelete') out.push({ kind: 'onDelete', pods });
    else if (after.spec?.strategy?.type === 'Recreate') out.push({ kind: 'replaces', pods });
    else out.push({ kind: 'restarts', pods: partitioned(after, pods) });
  } else if (before.spec?.paused === true && after.spec?.paused !== true) {
    out.push({ kind: 'resumes' });
  }
  const [from, to] = [before.spec?.replicas, after.spec?.replicas];
  if (typeof from === 'number' && typeof to === 'number' && from !== to) out.push({ kind: 'scales', from, to });
  return out;
}

function running(object: KubeObject): number {
  const status = object.status ?? {};
  return status.replicas ?? status.currentNumberScheduled ?? object.spec?.replicas ?? 0;
}

/** A rolling update of a stateful set leaves the pods below the partition as they are. */
function partitioned(object: KubeObject, pods: number): number {
  const partition = object.kind === 'StatefulSet' ? object.spec?.updateStrategy?.rollingUpdate?.partition : 0;
  return Math.max(0, pods - (typeof partition === 'number' ? partition : 0));
}

function others(before: KubeObject, after: KubeObject): Effect[] {
  const spec = (field: string) => !same(before.spec?.[field], after.spec?.[field]);
  switch (after.kind) {
    case 'ConfigMap':
    case 'Secret':
      return [
        ...(data(before, after) ? ([{ kind: 'mountedFollow' }, { kind: 'environmentWaits' }] as Effect[]) : []),
        ...(after.immutable === true && before.immutable !== true ? ([{ kind: 'immutableFromNow' }] as Effect[]) : []),
      ];
    case 'Service':
      return spec('selector') ? [{ kind: 'selectsOther' }] : [];
    case 'Job':
    case 'CronJob':
      return [
        ...(spec('suspend') ? [{ kind: after.spec?.suspend === true ? 'suspends' : 'resumes' } as Effect] : []),
        ...(spec('schedule') || spec('timeZone') ? ([{ kind: 'reschedules' }] as Effect[]) : []),
        ...(spec('jobTemplate') ? ([{ kind: 'nextRun' }] as Effect[]) : []),
      ];
    case 'PersistentVolumeClaim':
      return spec('resources') ? [{ kind: 'resize' }] : [];
    default:
      return [];
  }
}

function data(before: KubeObject, after: KubeObject): boolean {
  return ['data', 'binaryData'].some((field) => !same(filled(before[field]), filled(after[field])));
}

function filled(value: unknown): unknown {
  return isMap(value) ? value : {};
}
