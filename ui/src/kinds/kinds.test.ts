import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../api/contract';
import { actionsForRow, kubectlCommand } from './actions';
import { jobAgain, podAgain } from './again';
import { findResource, flatten, plural, type Resource } from './discovery';
import { drainable } from './drain';
import { each } from './each';
import { age, conditionHealth, eventSelector, older, podSelector } from './read';
import { sections } from './sections';
import { template } from './templates';

const resource = (rest: Partial<Resource>): Resource => ({
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  namespaced: true,
  verbs: ['list', 'watch', 'get', 'patch', 'delete'],
  short: ['po'],
  singular: 'pod',
  subresources: [],
  custom: false,
  ...rest,
});
const deployments = resource({
  group: 'apps',
  resource: 'deployments',
  kind: 'Deployment',
  short: ['deploy'],
  singular: 'deployment',
});
const cats = resource({
  group: 'example.com',
  resource: 'cats',
  kind: 'Cat',
  short: [],
  singular: 'cat',
  custom: true,
});

const object = (kind: string, rest: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'x', namespace: 'default' },
  ...rest,
});

it('takes each resource once, in the preferred version', () => {
  const entry = {
    resource: 'cats',
    responseKind: { kind: 'Cat' },
    scope: 'Namespaced' as const,
    singularResource: 'cat',
    verbs: ['list'],
  };
  const versions = ['v2', 'v1'].map((version) => ({ version, resources: [entry] }));
  const found = flatten({ items: [{ metadata: { name: 'example.com' }, versions }] });
  expect(found.map(({ version, custom }) => [version, custom])).toEqual([['v2', true]]);
});

it.each(['po', 'pod', 'PODS', 'Pod'])('finds pods by %s', (word) => {
  expect(findResource([deployments, resource({})], word)?.resource).toBe('pods');
});

it.each([
  ['NetworkPolicy', 'networkpolicies', 'NetworkPolicies'],
  ['Ingress', 'ingresses', 'Ingresses'],
  ['Endpoints', 'endpoints', 'Endpoints'],
  ['ConfigMap', 'configmaps', 'ConfigMaps'],
])('calls several of %s (%s) %s', (kind, name, title) => {
  expect(plural({ kind, resource: name })).toBe(title);
});

it('puts what it does not know into the cluster section, custom kinds into their own', () => {
  const unknown = resource({ group: 'node.k8s.io', resource: 'runtimeclasses', kind: 'RuntimeClass' });
  const events = resource({ resource: 'events', kind: 'Event' });
  const result = sections([unknown, events, cats, resource({})]);
  expect(result.map(({ id, resources }) => [id, resources.map((r) => r.resource)])).toEqual([
    ['workloads', ['pods']],
    ['cluster', ['events', 'runtimeclasses']],
    ['custom', ['cats']],
  ]);
});

it.each([
  ['Service', { app: 'web', tier: 'front' }, 'app=web,tier=front'],
  [
    'Deployment',
    { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'v', operator: 'In', values: ['1', '2'] }] },
    'app=web,v in (1,2)',
  ],
  ['ReplicaSet', { matchExpressions: [{ key: 'gone', operator: 'DoesNotExist' }] }, '!gone'],
])('writes the selector of a %s as the API wants it', (kind, selector, text) => {
  expect(podSelector(object(kind, { spec: { selector } }))).toBe(text);
});

it.each([
  [45, '45s'],
  [119, '119s'],
  [125, '2m5s'],
  [3600, '60m'],
  [3 * 3600 + 1200, '3h20m'],
  [30 * 3600, '30h'],
  [49 * 3600, '2d1h'],
  [400 * 86400, '400d'],
])('writes an age of %i seconds as %s, as kubectl does', (seconds, text) => {
  expect(age('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:00Z') + seconds * 1000)).toBe(text);
});

it.each([
  ['5m', 60, '6m'],
  ['0s', 3600, '60m'],
  ['3 (5m10s ago)', 3600, '3 (65m ago)'],
  ['2d1h', 3600, '2d2h'],
  ['7', 3600, '7'],
  ['<none>', 3600, '<none>'],
  ['5m', 0, '5m'],
])('reads %s, written %i seconds ago, as %s', (text, seconds, now) => {
  expect(older(text, seconds)).toBe(now);
});

it('finds events of a node by its name, of others by their UID', () => {
  expect(eventSelector(object('Node', { metadata: { name: 'dev-worker', uid: 'u' } }))).toBe(
    'involvedObject.kind=Node,involvedObject.name=dev-worker',
  );
  expect(eventSelector(object('Pod', { metadata: { name: 'web', uid: 'u' } }))).toBe('involvedObject.uid=u');
});

it.each([
  ['Ready', 'True', 'ok'],
  ['Ready', 'False', 'bad'],
  ['MemoryPressure', 'False', 'ok'],
  ['DiskPressure', 'True', 'bad'],
  ['Ready', 'Unknown', 'warn'],
  ['DisruptionAllowed', 'True', 'ok'],
  ['DisruptionAllowed', 'False', 'bad'],
  ['DisruptionTarget', 'True', 'bad'],
  ['ScalingLimited', 'True', 'ok'],
  ['ScalingLimited', 'False', 'ok'],
  ['NamespaceContentRemaining', 'True', 'bad'],
])('reads the condition %s=%s as %s', (type, status, health) => {
  expect(conditionHealth({ type, status })).toBe(health);
});

it('drains neither pods of daemon sets, nor static, nor finished ones', () => {
  const pods = [
    object('Pod', { metadata: { name: 'plain' }, status: { phase: 'Running' } }),
    object('Pod', { metadata: { name: 'daemon', ownerReferences: [{ kind: 'DaemonSet', controller: true }] } }),
    object('Pod', { metadata: { name: 'static', annotations: { 'kubernetes.io/config.mirror': 'x' } } }),
    object('Pod', { metadata: { name: 'over' }, status: { phase: 'Succeeded' } }),
  ];
  expect(drainable(pods).map((pod) => pod.metadata.name)).toEqual(['plain']);
});

it('runs a job again as it was asked for, without what its controller has put into it', () => {
  const own = { 'batch.kubernetes.io/controller-uid': 'u', 'controller-uid': 'u', 'job-name': 'x' };
  const job = object('Job', {
    spec: {
      backoffLimit: 2,
      suspend: false,
      selector: { matchLabels: own },
      template: { metadata: { labels: { ...own, app: 'a' } }, spec: { restartPolicy: 'Never' } },
    },
    status: { succeeded: 1 },
  });
  expect(jobAgain({ ...job, metadata: { ...job.metadata, uid: 'u', labels: { ...own, app: 'a' } } }, '2')).toEqual({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'x-2', namespace: 'default', labels: { app: 'a' } },
    spec: { backoffLimit: 2, template: { metadata: { labels: { app: 'a' } }, spec: { restartPolicy: 'Never' } } },
  });
});

it('tells the kubectl command of objects, one for each namespace', () => {
  const ref = (name: string, namespace: string) => ({ ...deployments, cluster: 'dev', namespace, name });
  expect(kubectlCommand(deployments, [ref('a', 'shop'), ref('b', 'shop'), ref('c', 'other')])).toBe(
    [
      'kubectl --context devcluster-dev -n shop get deployments.apps a b',
      'kubectl --context devcluster-dev -n other get deployments.apps c',
    ].join('\n'),
  );
  expect(kubectlCommand(resource({ resource: 'nodes' }), [ref('n', '')])).toBe(
    'kubectl --context devcluster-dev get nodes n',
  );
});

it('goes on with the others when one fails, and does not call it a success', async () => {
  const refs = ['a', 'b', 'c'].map((name) => ({
    cluster: 'dev',
    group: '',
    version: 'v1',
    resource: 'pods',
    namespace: '',
    name,
  }));
  const done: string[] = [];
  const work = async ({ name }: { name: string }) => {
    if (name === 'b') throw new Error('no');
    done.push(name);
  };
  await expect(each(refs, work)).rejects.toThrow('1 of 3 failed: b: no');
  expect(done).toEqual(['a', 'c']);
  await expect(each(refs.slice(1, 2), work)).rejects.toThrow('no');
});

it('offers a template whose names are filled in', () => {
  const text = template(deployments, 'shop');
  expect(text).toContain(
    'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-deployment\n  namespace: shop\n',
  );
  expect(text).not.toMatch(/NAME|IMAGE/);
  expect(template(deployments, 'shop', 'front')).toContain('metadata:\n  name: front\n');
});

describe('the actions of a row', () => {
  const of = (resource: string, group = '') =>
    ({ group, version: 'v1', resource, verbs: [], subresources: [] }) as unknown as Parameters<typeof actionsForRow>[0];
  const column = (name: string) => ({ name, type: 'string', format: '', priority: 0, description: '' });
  const states = ['suspend', 'resume', 'cordon', 'uncordon', 'start', 'rerun', 'remove'];
  it.each([
    ['nodes', '', 'Status', 'Ready', ['cordon', 'remove']],
    ['nodes', '', 'Status', 'NotReady,SchedulingDisabled', ['uncordon', 'start', 'remove']],
    ['nodes', '', 'Roles', 'control-plane,master', ['cordon', 'uncordon', 'start']],
    ['cronjobs', 'batch', 'Suspend', 'False', ['suspend']],
    ['cronjobs', 'batch', 'Suspend', 'True', ['resume']],
    ['jobs', 'batch', 'Status', 'Running', ['suspend']],
    ['jobs', 'batch', 'Status', 'Suspended', ['resume']],
    ['jobs', 'batch', 'Status', 'Complete', ['rerun']],
  ])('of %s.%s whose %s is "%s" are %j', (resource, group, name, cell, expected) => {
    const actions = actionsForRow(of(resource, group), [column('Name'), column(name)], { cells: ['a', cell] });
    expect(actions.map(({ id }) => id).filter((id) => states.includes(id))).toEqual(expected);
  });
});

it('asks for a pod again without what others have put into it', () => {
  const access = { name: 'kube-api-access-x2x' };
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'bare',
      namespace: 'shop',
      uid: 'u',
      labels: { app: 'bare' },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    },
    spec: {
      nodeName: 'dev-worker-1',
      serviceAccount: 'default',
      serviceAccountName: 'default',
      priority: 0,
      containers: [
        { name: 'main', image: 'i', volumeMounts: [access, { name: 'data' }] },
        { name: 'b', volumeMounts: [access] },
      ],
      volumes: [access, { name: 'data', emptyDir: {} }],
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
    },
    status: { phase: 'Failed' },
  };
  expect(podAgain(pod)).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'bare', namespace: 'shop', labels: { app: 'bare' } },
    spec: {
      serviceAccountName: 'default',
      containers: [{ name: 'main', image: 'i', volumeMounts: [{ name: 'data' }] }, { name: 'b' }],
      volumes: [{ name: 'data', emptyDir: {} }],
    },
  });
});
