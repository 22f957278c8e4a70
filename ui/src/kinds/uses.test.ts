import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../api/contract';
import { spoken } from '../i18n';
import { describeUse, usersOf } from './uses';

describe('usersOf', () => {
  const pod = (spec: object) =>
    ({ metadata: { name: 'p', uid: 'u' }, spec, status: { phase: 'Running' } }) as unknown as KubeObject;
  const cases: [string, object, object[]][] = [
    ['nothing', { containers: [{ name: 'c' }] }, []],
    [
      'a volume',
      {
        volumes: [{ name: 'v', configMap: { name: 'x' } }],
        containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/etc/x' }] }],
      },
      [{ how: 'volume', container: 'c', path: '/etc/x', volume: 'v', keys: null }],
    ],
    [
      'a projected volume with chosen keys',
      {
        volumes: [{ name: 'v', projected: { sources: [{ configMap: { name: 'x', items: [{ key: 'a' }] } }] } }],
        containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/p' }] }],
      },
      [{ how: 'volume', container: 'c', path: '/p', volume: 'v', keys: ['a'] }],
    ],
    [
      'a single file',
      {
        volumes: [{ name: 'v', configMap: { name: 'x' } }],
        containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/f', subPath: 'a' }] }],
      },
      [{ how: 'subPath', container: 'c', path: '/f', key: 'a' }],
    ],
    [
      'environment',
      {
        containers: [
          {
            name: 'c',
            env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'x', key: 'a' } } }],
            envFrom: [{ prefix: 'P_', configMapRef: { name: 'x' } }],
          },
        ],
      },
      [
        { how: 'env', container: 'c', variable: 'A', key: 'a' },
        { how: 'envFrom', container: 'c', prefix: 'P_' },
      ],
    ],
  ];
  it.each(cases)('%s', (_, spec, uses) => {
    expect(usersOf([pod(spec)], 'ConfigMap', 'x').flatMap((user) => user.uses)).toEqual(uses);
  });
  it('takes the claim that was made with a pod for its own', () => {
    const spec = {
      volumes: [{ name: 'v', ephemeral: {} }],
      containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/data' }] }],
    };
    const paths = (claim: string) => usersOf([pod(spec)], 'PersistentVolumeClaim', claim).length;
    expect([paths('p-v'), paths('v')]).toEqual([1, 0]);
  });
  it('does not take a Secret for a ConfigMap of the same name', () => {
    const spec = {
      volumes: [{ name: 'v', secret: { secretName: 'x' } }],
      imagePullSecrets: [{ name: 'x' }],
      containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/s' }] }],
    };
    expect(usersOf([pod(spec)], 'ConfigMap', 'x')).toEqual([]);
    expect(usersOf([pod(spec)], 'Secret', 'x')[0]?.uses.map(({ how }) => how)).toEqual(['volume', 'pull']);
  });
  it('finds the claims that are mounted, as folders or as devices', () => {
    const spec = {
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'x' } }],
      initContainers: [{ name: 'i', volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }],
      containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/data' }] }],
    };
    const [user] = usersOf([pod(spec)], 'PersistentVolumeClaim', 'x');
    expect(user?.uses.map((use) => describeUse(use, spoken()))).toEqual(['/dev/x', '/data']);
    expect(usersOf([pod(spec)], 'Secret', 'x')).toEqual([]);
  });
});
