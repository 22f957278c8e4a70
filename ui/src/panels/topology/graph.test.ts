import { describe, expect, it } from 'vitest';
import type { Health, KubeObject } from '../../api/contract';
import { graphOf, neighbours, PARTS, type Parts } from './graph';

const object = (name: string, fields: object = {}, metadata: object = {}) =>
  ({ metadata: { name, namespace: 'x', uid: name, ...metadata }, ...fields }) as unknown as KubeObject;
const owned = (uid: string) => ({ ownerReferences: [{ uid, controller: true }] });
const parts = (some: Partial<Parts>, health: [string, Health][] = []) => ({
  parts: { ...(Object.fromEntries(PARTS.map(({ resource }) => [resource, []])) as unknown as Parts), ...some },
  health: new Map(health),
  whole: true,
});
const edges = (graph: ReturnType<typeof graphOf>) => graph.edges.map(({ from, to }) => `${from} > ${to}`).sort();

describe('graphOf', () => {
  const web = {
    deployments: [object('web', { kind: 'Deployment', spec: { replicas: 1 }, status: { readyReplicas: 1 } })],
    replicasets: [object('web-1', {}, owned('web'))],
    services: [
      object('front', { spec: { selector: { app: 'web' } } }),
      object('nobody', { spec: { selector: { app: 'none' } } }),
    ],
    ingresses: [
      object('in', { spec: { rules: [{ http: { paths: [{ backend: { service: { name: 'front' } } }] } }] } }),
    ],
    persistentvolumeclaims: [object('disk', { status: { phase: 'Bound' } })],
  };
  const pod = (name: string) =>
    object(
      name,
      {
        spec: {
          volumes: [
            { name: 'd', persistentVolumeClaim: { claimName: 'disk' } },
            { name: 'c', configMap: { name: 'conf' } },
          ],
          containers: [
            { name: 'c', volumeMounts: [{ name: 'c', mountPath: '/c' }], envFrom: [{ secretRef: { name: 'key' } }] },
          ],
        },
      },
      { labels: { app: 'web' }, ...owned('web-1') },
    );

  it('links ingress, service, workload, pod and what the pod uses, and blames no service for pods that are not here', () => {
    const graph = graphOf('dev', parts({ ...web, pods: [pod('p')] }));
    expect(edges(graph)).toEqual([
      'front > p',
      'in > front',
      'web > ConfigMap x/conf',
      'web > Secret x/key',
      'web > disk',
      'web > p',
    ]);
    expect(graph.nodes.find(({ id }) => id === 'nobody')?.health).toBe('warn');
    const some = graphOf('dev', { ...parts({ ...web, pods: [pod('p')] }), whole: false });
    expect(some.nodes.find(({ id }) => id === 'nobody')?.health).toBe('ok');
    expect(neighbours(graph, 'front')).toMatchObject({ before: [{ id: 'in' }], after: [{ id: 'p' }] });
  });

  it('shows one node for the pods of a large workload', () => {
    const pods = [...Array.from({ length: 9 }, (_, index) => pod(`p${index}`)), pod('broken')];
    const graph = graphOf('dev', parts({ ...web, pods }, [['broken', 'bad']]));
    expect(graph.nodes.find(({ shape }) => shape === 'pods')).toMatchObject({ ready: [9, 10], health: 'bad' });
    expect(edges(graph)).toContain('front > pods web');
    expect(graph.nodes.filter(({ shape }) => shape === 'pod')).toEqual([]);
  });

  it('shows a ConfigMap that is not there as what is wrong', () => {
    const waiting = { reason: 'CreateContainerConfigError', message: 'configmap "conf" not found' };
    const stuck = { ...pod('p'), status: { containerStatuses: [{ name: 'c', state: { waiting } }] } };
    const { nodes } = graphOf('dev', parts({ ...web, pods: [stuck, pod('q')] }));
    const health = Object.fromEntries(nodes.map(({ id, health }) => [id, health]));
    expect(health).toMatchObject({ 'ConfigMap x/conf': 'bad', 'Secret x/key': 'ok' });
  });

  it('keeps within the limit and says how many are hidden, workloads first', () => {
    const pods = Array.from({ length: 600 }, (_, index) => object(`alone-${index}`));
    const graph = graphOf('dev', parts({ ...web, pods }));
    expect([graph.nodes.length, graph.hidden, graph.nodes[0]?.id]).toEqual([500, 105, 'web']);
  });

  it('shows how each is, as the agent says', () => {
    const { nodes } = graphOf(
      'dev',
      parts({ ...web, pods: [pod('p')] }, [
        ['web', 'warn'],
        ['p', 'bad'],
      ]),
    );
    const health = Object.fromEntries(nodes.map(({ id, health }) => [id, health]));
    expect(health).toMatchObject({ web: 'warn', p: 'bad', disk: 'ok' });
  });
});
