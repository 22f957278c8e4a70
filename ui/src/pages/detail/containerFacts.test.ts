import { expect, it } from 'vitest';
import { containerFacts } from './containerFacts';

it('tells what a container is started with, what it mounts and how it is asked', () => {
  const container = {
    name: 'main',
    image: 'web',
    command: ['sh', '-c', "echo 'it'"],
    env: [
      { name: 'A', value: '1' },
      { name: 'P', valueFrom: { secretKeyRef: { name: 'password', key: 'p' } } },
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'c' } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ],
    envFrom: [{ prefix: 'X_', configMapRef: { name: 'more' } }],
    volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'a', readOnly: true }],
    livenessProbe: { httpGet: { port: 'web', path: '/live' }, initialDelaySeconds: 5 },
    readinessProbe: { exec: { command: ['test', '-f', '/ok'] }, periodSeconds: 1 },
  };
  expect(containerFacts(container)).toEqual([
    ['Command', [["sh -c 'echo '\\''it'\\'''"]]],
    [
      'Environment',
      [
        ['X_* ← ', { kind: 'ConfigMap', name: 'more' }],
        ['A=1'],
        ['P ← ', { kind: 'Secret', name: 'password' }, ': p'],
        ['C ← ', { kind: 'ConfigMap', name: 'settings' }, ': c'],
        ['IP ← status.podIP'],
      ],
    ],
    ['Mounts', [['/data ← data/a (read-only)']]],
    ['Liveness probe', [['HTTP :web/live, delay 5 s, period 10 s, timeout 1 s, failures 3']]],
    ['Readiness probe', [['exec test -f /ok, period 1 s, timeout 1 s, failures 3']]],
  ]);
  expect(containerFacts({ name: 'bare', image: 'web' })).toEqual([]);
});
