import { expect, it } from 'vitest';
import type { KubeObject } from '../api/contract';
import { volumesOf } from './volumes';

const pod = (volume: object, mounts: object[] = []) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: {
    initContainers: [{ name: 'first' }],
    containers: [{ name: 'main', volumeMounts: mounts }],
    volumes: [{ name: 'data', ...volume }],
  },
});
const holds = (object: KubeObject) => volumesOf(object).map((volume) => volume.holds);

it.each([
  [{ configMap: { name: 'settings' } }, [{ kind: 'ConfigMap', name: 'settings' }]],
  [{ secret: { secretName: 'password' } }, [{ kind: 'Secret', name: 'password' }]],
  [{ persistentVolumeClaim: { claimName: 'disk' } }, [{ kind: 'PersistentVolumeClaim', name: 'disk' }]],
  [{ ephemeral: { volumeClaimTemplate: {} } }, [{ kind: 'PersistentVolumeClaim', name: 'web-data' }]],
  [
    { projected: { sources: [{ serviceAccountToken: {} }, { configMap: { name: 'a' } }, { secret: { name: 'b' } }] } },
    ['serviceAccountToken', { kind: 'ConfigMap', name: 'a' }, { kind: 'Secret', name: 'b' }],
  ],
  [{ hostPath: { path: '/var/log' } }, ['hostPath /var/log']],
  [{ emptyDir: {} }, ['emptyDir']],
  [{}, ['emptyDir']],
])('tells what the volume %j holds', (volume, expected) => {
  expect(holds(pod(volume))).toEqual([expected]);
});

it('tells where containers have a volume, and what is in no object yet', () => {
  const mounts = [
    { name: 'data', mountPath: '/data', readOnly: true },
    { name: 'data', mountPath: '/one', subPath: 'a' },
    { name: 'other', mountPath: '/other' },
  ];
  expect(volumesOf(pod({ emptyDir: {} }, mounts))[0]?.mounts).toEqual([
    { container: 'main', path: '/data', readOnly: true },
    { container: 'main', path: '/one (a)', readOnly: false },
  ]);
  const template = { metadata: { name: 'disk' }, spec: { resources: { requests: { storage: '1Gi' } } } };
  const set = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: { template: { spec: { volumes: [{ name: 'scratch', ephemeral: {} }] } }, volumeClaimTemplates: [template] },
  };
  expect(holds(set)).toEqual([['ephemeral'], ['volumeClaimTemplate 1Gi']]);
});
