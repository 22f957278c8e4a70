import type { KubeObject } from '../../api/contract';
import { subjectText } from '../../kinds/grants';
import { containersOf, podSelector } from '../../kinds/read';
import { isLabelSelector, selectorText } from '../../kinds/selectors';
import { bytesText } from '../../panels/units';

/** One line of what an object is; `to` when it names another object. */
export interface Fact {
  label: string;
  value: string;
  to?: { apiVersion: string; kind: string; namespace: string; name: string };
  /** Whether the value is a document of its own, which is seen when asked for. */
  folded?: boolean;
  /** Of what is so or not, which the page says in its own words. */
  truth?: boolean;
  /** Whether it is a moment, which the page tells as all others. */
  moment?: boolean;
  /** Of a selector the namespace of the pods that it selects. */
  selects?: string;
}

/** As the API writes moments. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const momentOf = (value: string) => (MOMENT.test(value) ? { moment: true } : {});

type Read = (object: KubeObject) => unknown;

interface Served {
  name: string;
  served: boolean;
}

const RBAC = 'rbac.authorization.k8s.io/v1';

/** Per kind, what is worth a line. Labels are names of the catalogues under `fact.`. */
const FACTS: Record<string, [label: string, read: Read, apiVersion?: string, kind?: string][]> = {
  Pod: [
    ['Phase', (o) => o.status?.phase],
    ['Node', (o) => o.spec?.nodeName, 'v1', 'Node'],
    ['Pod IP', (o) => o.status?.podIP],
    ['Host IP', (o) => o.status?.hostIP],
    ['QoS class', (o) => o.status?.qosClass],
    ['Service account', (o) => o.spec?.serviceAccountName, 'v1', 'ServiceAccount'],
    ['Priority class', (o) => o.spec?.priorityClassName],
    ['Restart policy', (o) => o.spec?.restartPolicy],
    ['Started', (o) => o.status?.startTime],
  ],
  Deployment: [
    ['Replicas', (o) => ready(o.status?.readyReplicas, o.spec?.replicas)],
    ['Updated', (o) => o.status?.updatedReplicas],
    ['Selector', podSelector],
    ['Strategy', (o) => o.spec?.strategy?.type],
    ['Revision', (o) => o.metadata.annotations?.['deployment.kubernetes.io/revision']],
    ['Images', images],
  ],
  StatefulSet: [
    ['Replicas', (o) => ready(o.status?.readyReplicas, o.spec?.replicas)],
    ['Selector', podSelector],
    ['Service', (o) => o.spec?.serviceName, 'v1', 'Service'],
    ['Update strategy', (o) => o.spec?.updateStrategy?.type],
    ['Pod management', (o) => o.spec?.podManagementPolicy],
    ['Images', images],
  ],
  DaemonSet: [
    ['Pods', (o) => ready(o.status?.numberReady, o.status?.desiredNumberScheduled)],
    ['Updated', (o) => o.status?.updatedNumberScheduled],
    ['Selector', podSelector],
    ['Update strategy', (o) => o.spec?.updateStrategy?.type],
    ['Images', images],
  ],
  ReplicaSet: [
    ['Replicas', (o) => ready(o.status?.readyReplicas, o.spec?.replicas)],
    ['Selector', podSelector],
    ['Images', images],
  ],
  Job: [
    ['Succeeded', (o) => ready(o.status?.succeeded, o.spec?.completions)],
    ['Failed', (o) => o.status?.failed],
    ['Parallelism', (o) => o.spec?.parallelism],
    ['Backoff limit', (o) => o.spec?.backoffLimit],
    ['Started', (o) => o.status?.startTime],
    ['Completed', (o) => o.status?.completionTime],
    ['Images', images],
  ],
  CronJob: [
    ['Schedule', (o) => o.spec?.schedule],
    ['Time zone', (o) => o.spec?.timeZone],
    ['Suspended', (o) => o.spec?.suspend],
    ['Concurrency', (o) => o.spec?.concurrencyPolicy],
    ['Last schedule', (o) => o.status?.lastScheduleTime],
    ['Last success', (o) => o.status?.lastSuccessfulTime],
    ['Images', images],
  ],
  Service: [
    ['Type', (o) => o.spec?.type],
    ['Cluster IP', (o) => o.spec?.clusterIP],
    ['External', (o) => external(o)],
    ['DNS name', (o) => `${o.metadata.name}.${o.metadata.namespace}.svc.cluster.local`],
    ['Ports', (o) => (o.spec?.ports ?? []).map(port).join(', ')],
    ['Selector', podSelector],
    ['Session affinity', (o) => o.spec?.sessionAffinity],
  ],
  NetworkPolicy: [['Policy types', (o) => (o.spec?.policyTypes ?? []).join(', ')]],
  PodDisruptionBudget: [
    ['Min available', (o) => o.spec?.minAvailable],
    ['Max unavailable', (o) => o.spec?.maxUnavailable],
    ['Healthy pods', (o) => ready(o.status?.currentHealthy, o.status?.desiredHealthy ?? 0)],
    ['Allowed disruptions', (o) => o.status?.disruptionsAllowed],
    ['Unhealthy pods', (o) => o.spec?.unhealthyPodEvictionPolicy],
  ],
  Ingress: [
    ['Class', (o) => o.spec?.ingressClassName, 'networking.k8s.io/v1', 'IngressClass'],
    ['Hosts', (o) => (o.spec?.rules ?? []).map((rule: { host?: string }) => rule.host ?? '*').join(', ')],
    ['Address', (o) => external(o)],
    [
      'TLS',
      (o) => (o.spec?.tls ?? []).map((one: { secretName?: string }) => one.secretName).join(', '),
      'v1',
      'Secret',
    ],
  ],
  CustomResourceDefinition: [
    ['Group', (o) => o.spec?.group],
    ['Kind', (o) => o.spec?.names?.kind],
    ['Short names', (o) => (o.spec?.names?.shortNames ?? []).join(', ')],
    ['Scope', (o) => o.spec?.scope],
    [
      'Versions',
      (o) =>
        (o.spec?.versions ?? [])
          .filter((v: Served) => v.served)
          .map((v: Served) => v.name)
          .join(', '),
    ],
    ['Stored versions', (o) => (o.status?.storedVersions ?? []).join(', ')],
  ],
  PersistentVolumeClaim: [
    ['Phase', (o) => o.status?.phase],
    ['Volume', (o) => o.spec?.volumeName, 'v1', 'PersistentVolume'],
    ['Storage class', (o) => o.spec?.storageClassName, 'storage.k8s.io/v1', 'StorageClass'],
    ['Requested', (o) => o.spec?.resources?.requests?.storage],
    ['Capacity', (o) => o.status?.capacity?.storage],
    ['Access modes', (o) => (o.spec?.accessModes ?? []).join(', ')],
  ],
  PersistentVolume: [
    ['Phase', (o) => o.status?.phase],
    ['Capacity', (o) => o.spec?.capacity?.storage],
    ['Reclaim policy', (o) => o.spec?.persistentVolumeReclaimPolicy],
    ['Storage class', (o) => o.spec?.storageClassName, 'storage.k8s.io/v1', 'StorageClass'],
    ['Access modes', (o) => (o.spec?.accessModes ?? []).join(', ')],
  ],
  StorageClass: [
    ['Provisioner', (o) => o.provisioner],
    ['Reclaim policy', (o) => o.reclaimPolicy],
    ['Binding', (o) => o.volumeBindingMode],
    ['Expansion', (o) => o.allowVolumeExpansion],
  ],
  Node: [
    ['Addresses', (o) => (o.status?.addresses ?? []).map((a: { address: string }) => a.address).join(', ')],
    ['Schedulable', (o) => !o.spec?.unschedulable],
    ['Kubelet', (o) => o.status?.nodeInfo?.kubeletVersion],
    ['Runtime', (o) => o.status?.nodeInfo?.containerRuntimeVersion],
    ['System', (o) => o.status?.nodeInfo?.osImage],
    ['CPU', (o) => ready(o.status?.allocatable?.cpu, o.status?.capacity?.cpu)],
    ['Memory', (o) => ready(memory(o.status?.allocatable?.memory), memory(o.status?.capacity?.memory))],
    ['Pods', (o) => o.status?.allocatable?.pods],
    ['Pod CIDR', (o) => o.spec?.podCIDR],
    [
      'Taints',
      (o) => (o.spec?.taints ?? []).map((x: { key: string; effect: string }) => `${x.key}:${x.effect}`).join(', '),
    ],
  ],
  Secret: [
    ['Type', (o) => o.type],
    ['Keys', (o) => Object.keys(o.data ?? {}).join(', ')],
    ['Immutable', (o) => o.immutable],
  ],
  ConfigMap: [
    ['Keys', (o) => Object.keys({ ...o.data, ...o.binaryData }).join(', ')],
    ['Immutable', (o) => o.immutable],
  ],
  Namespace: [['Phase', (o) => o.status?.phase]],
  // Their rules have a card of their own.
  Role: [],
  ClusterRole: [],
  RoleBinding: [
    ['Role', (o) => o.roleRef?.name, RBAC, 'Role'],
    ['Subjects', subjects],
  ],
  ClusterRoleBinding: [
    ['Role', (o) => o.roleRef?.name, RBAC, 'ClusterRole'],
    ['Subjects', subjects],
  ],
};

export function facts(object: KubeObject): Fact[] {
  if (object.kind === 'ResourceQuota') return quota(object);
  if (object.kind === 'LimitRange') return limits(object);
  if (object.kind === 'HorizontalPodAutoscaler') return autoscaler(object);
  const table = FACTS[object.kind];
  if (!table) {
    // Some kinds have their fields beside the metadata: rules, webhooks, endpoints.
    const { apiVersion: _version, kind: _kind, metadata: _metadata, spec, status, ...rest } = object;
    const told = [...fields(rest), ...fields(spec)];
    const labels = new Set(told.map(({ label }) => label));
    const own = (fact: Fact) => (labels.has(fact.label) ? { ...fact, label: `status.${fact.label}` } : fact);
    return [...told, ...fields(status).map(own)];
  }
  const namespace = object.metadata.namespace ?? '';
  return table.flatMap(([label, read, apiVersion, kind]): Fact[] => {
    const value = read(object);
    if (value === undefined || value === null || value === '') return [];
    const name = String(value);
    const of = label === 'Role' ? object.roleRef?.kind : kind;
    const truth = typeof value === 'boolean' && { truth: value };
    return [
      {
        label,
        value: name,
        ...truth,
        ...momentOf(name),
        ...(read === podSelector && { selects: namespace }),
        // Of several names none is that of an object.
        ...(apiVersion && of && !name.includes(', ') && { to: { apiVersion, kind: of, namespace, name } }),
      },
    ];
  });
}

/** Of a kind that nothing is known about: its fields as they are. Conditions have a place of their own. */
function fields(part: unknown): Fact[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([label, value]): Fact[] => {
    if (value === null || label === 'conditions') return [];
    const plain = Array.isArray(value) ? value : [value];
    if (isLabelSelector(value)) return [{ label, value: selectorText(value) }];
    if (plain.every((one) => typeof one !== 'object')) {
      const text = plain.join(', ');
      return [{ label, value: text, ...momentOf(text) }];
    }
    return [{ label, value: JSON.stringify(value, null, 2), folded: true }];
  });
}

/** What is used of each thing that a quota counts, and what it counts. */
function quota({ spec: { hard, ...scopes } = {}, status }: KubeObject): Fact[] {
  const used = Object.entries(hard ?? {}).map(([label, most]) => ({
    label,
    value: ready(status?.used?.[label], most),
  }));
  return [...used, ...fields(scopes)];
}

/** A line for each rule: `Container default`, `memory 128Mi`. */
function limits({ spec }: KubeObject): Fact[] {
  return (spec?.limits ?? []).flatMap(({ type, ...rules }: Record<string, unknown>) =>
    Object.entries(rules).map(([rule, amounts]) => {
      const value = Object.entries(amounts ?? {}).map(([of, amount]) => `${of} ${amount}`);
      return { label: `${type} ${rule}`, value: value.join(', ') };
    }),
  );
}

interface Metric {
  type: string;
  [source: string]: unknown;
}
interface MetricSource {
  name?: string;
  metric?: { name: string };
  target?: MetricValue;
  current?: MetricValue;
}
interface MetricValue {
  averageUtilization?: number;
  averageValue?: string;
  value?: string;
}

/** What an autoscaler scales, between which numbers, and a line for what it goes by: as it is, as it should be. */
function autoscaler({ metadata, spec, status }: KubeObject): Fact[] {
  const { apiVersion, kind, name } = spec.scaleTargetRef;
  const told = (value: MetricValue | undefined) =>
    value?.averageUtilization === undefined ? (value?.averageValue ?? value?.value) : `${value.averageUtilization}%`;
  // `ContainerResource` stands under `containerResource`.
  const source = (metric: Metric) =>
    (metric[metric.type.charAt(0).toLowerCase() + metric.type.slice(1)] ?? {}) as MetricSource;
  const nameOf = ({ name, metric }: MetricSource) => name ?? metric?.name ?? '';
  const measured: Metric[] = status?.currentMetrics ?? [];
  const metrics = ((spec.metrics ?? []) as Metric[]).map((metric): Fact => {
    const wanted = source(metric);
    const now = measured.find(
      ({ type, ...one }) => type === metric.type && nameOf(source({ type, ...one })) === nameOf(wanted),
    );
    return { label: nameOf(wanted), value: `${(now && told(source(now).current)) ?? '?'} / ${told(wanted.target)}` };
  });
  return [
    { label: 'Target', value: `${kind}/${name}`, to: { apiVersion, kind, namespace: metadata.namespace ?? '', name } },
    { label: 'Replicas', value: `${status?.currentReplicas ?? 0} (${spec.minReplicas ?? 1}–${spec.maxReplicas})` },
    ...metrics,
  ];
}

function ready(now: unknown, wanted: unknown): string {
  return `${now ?? 0} / ${wanted ?? 1}`;
}

/** Kubelets tell memory in Ki. */
function memory(quantity?: string): string | undefined {
  const kibibytes = /^(\d+)Ki$/.exec(quantity ?? '')?.[1];
  return kibibytes === undefined ? quantity : bytesText(Number(kibibytes) * 1024);
}

function images(object: KubeObject): string {
  return [...new Set(containersOf(object).map(({ image }) => image))].join(', ');
}

function port(p: { port: number; targetPort?: number | string; nodePort?: number; protocol?: string; name?: string }) {
  const target = p.targetPort === undefined || p.targetPort === p.port ? '' : ` → ${p.targetPort}`;
  const node = p.nodePort ? ` (${p.nodePort})` : '';
  return `${p.name ? `${p.name} ` : ''}${p.port}${target}/${p.protocol ?? 'TCP'}${node}`;
}

function external(object: KubeObject): string {
  const given: { ip?: string; hostname?: string }[] = object.status?.loadBalancer?.ingress ?? [];
  return [object.spec?.externalName, ...(object.spec?.externalIPs ?? []), ...given.map((i) => i.ip ?? i.hostname)]
    .filter(Boolean)
    .join(', ');
}

function subjects(object: KubeObject): string {
  return (object.subjects ?? []).map(subjectText).join(', ');
}
