/** What is begun anew, from what there was. Pure. */
import type { KubeObject } from '../api/contract';

/** The patch that makes a workload replace its pods, as `kubectl rollout restart` sends it. */
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
