import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { effects } from './effects';

const make = (kind: string, spec: object, extra: object = {}): KubeObject =>
  ({ kind, metadata: { name: 'x' }, spec, ...extra }) as unknown as KubeObject;
const status = { status: { replicas: 3, currentNumberScheduled: 4 } };

describe('effects', () => {
  const cases: [string, KubeObject, KubeObject, object[]][] = [
    ['nothing', make('Pod', { a: 1 }), make('Pod', { a: 1 }), [{ kind: 'nothing' }]],
    [
      'labels only',
      make('Pod', {}),
      { ...make('Pod', {}), metadata: { name: 'x', labels: { a: 'b' } } },
      [{ kind: 'onlyMetadata' }],
    ],
    [
      'another image restarts every pod',
      make('Deployment', { template: 1 }, status),
      make('Deployment', { template: 2 }),
      [{ kind: 'restarts', pods: 3 }],
    ],
    [
      'recreate replaces them at once',
      make('Deployment', { template: 1 }, status),
      make('Deployment', { template: 2, strategy: { type: 'Recreate' } }),
      [{ kind: 'replaces', pods: 3 }],
    ],
    [
      'a paused deployment waits',
      make('Deployment', { template: 1 }, status),
      make('Deployment', { template: 2, paused: true }),
      [{ kind: 'paused' }],
    ],
    ['going on after a pause', make('Deployment', { paused: true }), make('Deployment', {}), [{ kind: 'resumes' }]],
    [
      'scale and image',
      make('Deployment', { template: 1, replicas: 3 }, status),
      make('Deployment', { template: 2, replicas: 5 }),
      [
        { kind: 'restarts', pods: 3 },
        { kind: 'scales', from: 3, to: 5 },
      ],
    ],
    [
      'a partition keeps the lower ones',
      make('StatefulSet', { template: 1 }, status),
      make('StatefulSet', { template: 2, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }),
      [{ kind: 'restarts', pods: 1 }],
    ],
    [
      'on delete',
      make('DaemonSet', { template: 1 }, { status: { currentNumberScheduled: 4 } }),
      make('DaemonSet', { template: 2, updateStrategy: { type: 'OnDelete' } }),
      [{ kind: 'onDelete', pods: 4 }],
    ],
    [
      'config',
      make('ConfigMap', {}, { data: { a: '1' } }),
      make('ConfigMap', {}, { data: { a: '2' } }),
      [{ kind: 'mountedFollow' }, { kind: 'environmentWaits' }],
    ],
    ['immutable', make('Secret', {}), make('Secret', {}, { immutable: true }), [{ kind: 'immutableFromNow' }]],
    [
      'selector',
      make('Service', { selector: { a: '1' } }),
      make('Service', { selector: { a: '2' } }),
      [{ kind: 'selectsOther' }],
    ],
    ['suspend', make('CronJob', { suspend: false }), make('CronJob', { suspend: true }), [{ kind: 'suspends' }]],
    ['the rest', make('Node', { a: 1 }), make('Node', { a: 2 }), [{ kind: 'changes' }]],
  ];
  it.each(cases)('%s', (_, before, after, expected) => {
    expect(effects(before, after)).toEqual(expected);
  });
});
