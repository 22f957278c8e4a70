import { expect, it } from 'vitest';
import type { KubeObject } from '../api/contract';
import { scalersOf } from './scalers';

const scaler = (namespace: string, kind: string, name: string): KubeObject => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'scaler', namespace },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind, name } },
});

it.each([
  ['shop', 'Deployment', 'web', 1],
  ['other', 'Deployment', 'web', 0],
  ['shop', 'StatefulSet', 'web', 0],
  ['shop', 'Deployment', 'db', 0],
])('an autoscaler in %s of %s %s sets the replicas of deployment shop/web: %i', (namespace, kind, name, count) => {
  const web = { cluster: 'dev', group: 'apps', version: 'v1', resource: 'deployments', namespace: 'shop', name: 'web' };
  expect(scalersOf([scaler(namespace, kind, name)], [web])).toHaveLength(count);
});
