import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { revisionsOf, undoPatch } from './history';

const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', controller: true };
const web = { metadata: { name: 'web', uid: 'u' } } as KubeObject;
const replicaSet = (revision: string, image: string, extra: object = {}, uid = 'u') =>
  ({
    metadata: {
      name: `web-${revision}`,
      annotations: { 'deployment.kubernetes.io/revision': revision, ...extra },
      ownerReferences: [{ ...owner, uid }],
    },
    spec: {
      template: {
        metadata: { labels: { app: 'web', 'pod-template-hash': 'x' } },
        spec: { containers: [{ name: 'c', image }] },
      },
    },
  }) as unknown as KubeObject;
const controllerRevision = (revision: number) =>
  ({
    metadata: { name: `web-${revision}`, ownerReferences: [owner] },
    revision,
    data: { spec: { template: { $patch: 'replace', spec: { containers: [{ image: 'i' }] } } } },
  }) as unknown as KubeObject;

describe('revisionsOf', () => {
  it('orders the ReplicaSets of the deployment by number, the newest being the current one', () => {
    const found = revisionsOf(web, [
      replicaSet('2', 'b'),
      replicaSet('10', 'c'),
      replicaSet('1', 'a'),
      replicaSet('3', 'x', {}, 'other'),
    ]);
    expect(found.map(({ number, images, current }) => [number, images[0], current])).toEqual([
      [10, 'c', true],
      [2, 'b', false],
      [1, 'a', false],
    ]);
  });
  it('reads ControllerRevisions', () => {
    const [newest, oldest] = revisionsOf(web, [controllerRevision(1), controllerRevision(2)]);
    expect([newest?.number, oldest?.number]).toEqual([2, 1]);
    expect(newest?.template).toEqual({ spec: { containers: [{ image: 'i' }] } });
  });
});

describe('undoPatch', () => {
  it('puts the template back without the hash of its ReplicaSet', () => {
    const [revision] = revisionsOf(web, [replicaSet('1', 'a', { 'kubernetes.io/change-cause': 'first' })]);
    if (revision === undefined) throw new Error('no revision');
    expect(undoPatch(revision)).toEqual({
      type: 'json',
      body: [
        {
          op: 'replace',
          path: '/spec/template',
          value: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'a' }] } },
        },
        { op: 'add', path: '/metadata/annotations/kubernetes.io~1change-cause', value: 'first' },
      ],
    });
  });
  it('applies the recorded patch of a ControllerRevision', () => {
    const [revision] = revisionsOf(web, [controllerRevision(1)]);
    if (revision === undefined) throw new Error('no revision');
    expect(undoPatch(revision)).toEqual({ type: 'strategic', body: revision.object.data });
  });
});
