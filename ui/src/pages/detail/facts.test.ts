import { expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { facts } from './facts';

it('of a kind that nobody knows shows every field, plain ones as they are', () => {
  const object: KubeObject = {
    apiVersion: 'example.com/v1',
    kind: 'Oddity',
    metadata: { name: 'odd' },
    spec: { size: 3, on: false, hosts: ['a', 'b'], none: null, deep: { a: [1] } },
    status: { conditions: [{ type: 'Ready' }], phase: 'Odd', size: 2 },
  };
  expect(facts(object)).toEqual([
    { label: 'size', value: '3' },
    { label: 'on', value: 'false' },
    { label: 'hosts', value: 'a, b' },
    { label: 'deep', value: JSON.stringify({ a: [1] }, null, 2), folded: true },
    { label: 'phase', value: 'Odd' },
    { label: 'status.size', value: '2' },
  ]);
});

it('of a kind without a specification shows what stands beside the metadata', () => {
  const limit = { apiVersion: 'v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 1000 };
  expect(facts(limit as KubeObject)).toEqual([{ label: 'value', value: '1000' }]);
});

it('what is so or not is told apart from what is named so', () => {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'true' }, spec: { podCIDR: 'true' } };
  expect(facts(node as KubeObject).filter(({ value }) => value === 'true')).toEqual([
    { label: 'Schedulable', value: 'true', truth: true },
    { label: 'Pod CIDR', value: 'true' },
  ]);
});

it('moments are told apart, in a kind that is known and in one that is not', () => {
  const at = '2026-11-29T15:00:00Z';
  const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'a' }, status: { startTime: at } };
  expect(facts(job as KubeObject)).toContainEqual({ label: 'Started', value: at, moment: true });
  const lease = {
    apiVersion: 'x/v1',
    kind: 'Lease',
    metadata: { name: 'a' },
    spec: { renewTime: '2026-11-29T15:00:00.5Z' },
  };
  expect(facts(lease as KubeObject)).toMatchObject([{ label: 'renewTime', moment: true }]);
});

it('a selector leads to its pods, a secret to itself unless there are several', () => {
  const ingress = (...names: string[]): KubeObject => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { tls: names.map((secretName) => ({ secretName })) },
  });
  const secret = { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name: 'cert' };
  expect(facts(ingress('cert'))).toContainEqual({ label: 'TLS', value: 'cert', to: secret });
  expect(facts(ingress('cert', 'other'))).toContainEqual({ label: 'TLS', value: 'cert, other' });
  const set = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { selector: { matchLabels: { app: 'web' } } },
  };
  expect(facts(set as KubeObject)).toContainEqual({ label: 'Selector', value: 'app=web', selects: 'shop' });
});

it('of a quota tells what is used of what it allows', () => {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'all' },
    spec: { hard: { pods: '50', 'requests.cpu': '2' }, scopes: ['BestEffort'] },
    status: { hard: { pods: '50' }, used: { pods: '17' } },
  };
  expect(facts(object)).toEqual([
    { label: 'pods', value: '17 / 50' },
    { label: 'requests.cpu', value: '0 / 2' },
    { label: 'scopes', value: 'BestEffort' },
  ]);
});

it('of a limit range tells each rule on a line', () => {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'all' },
    spec: { limits: [{ type: 'Container', default: { memory: '128Mi', cpu: '1' }, max: { cpu: '2' } }] },
  };
  expect(facts(object)).toEqual([
    { label: 'Container default', value: 'memory 128Mi, cpu 1' },
    { label: 'Container max', value: 'cpu 2' },
  ]);
});

it('of an autoscaler tells what it goes by, as it is and as it should be', () => {
  const resource = (name: string, part: object) => ({ type: 'Resource', resource: { name, ...part } });
  const pods = {
    type: 'Pods',
    pods: { metric: { name: 'hits' }, target: { type: 'AverageValue', averageValue: '10' } },
  };
  const object: KubeObject = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      maxReplicas: 4,
      metrics: [
        resource('cpu', { target: { type: 'Utilization', averageUtilization: 50 } }),
        resource('memory', { target: { type: 'AverageValue', averageValue: '64Mi' } }),
        pods,
      ],
    },
    status: {
      currentReplicas: 2,
      currentMetrics: [
        resource('memory', { current: { averageValue: '32Mi' } }),
        resource('cpu', { current: { averageUtilization: 12, averageValue: '6m' } }),
      ],
    },
  };
  expect(facts(object)).toEqual([
    {
      label: 'Target',
      value: 'Deployment/web',
      to: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
    },
    { label: 'Replicas', value: '2 (1–4)' },
    { label: 'cpu', value: '12% / 50%' },
    { label: 'memory', value: '32Mi / 64Mi' },
    { label: 'hits', value: '? / 10' },
  ]);
});

it('of a kind that nobody knows writes selectors as kubectl does', () => {
  const monitor = {
    apiVersion: 'x/v1',
    kind: 'Monitor',
    metadata: { name: 'm' },
    spec: { selector: { matchLabels: { a: 'b' } } },
  };
  expect(facts(monitor as KubeObject)).toEqual([{ label: 'selector', value: 'a=b' }]);
});
