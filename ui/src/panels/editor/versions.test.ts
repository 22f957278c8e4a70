import { expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { past, seen, type Version } from './versions';

const make = (replicas: number, status: number) =>
  ({
    metadata: { name: 'x', resourceVersion: `${status}` },
    spec: { replicas },
    status: { status },
  }) as unknown as KubeObject;

it('keeps what people wrote, newest first, and passes over what only the controllers wrote', () => {
  let history: Version[] = [];
  for (const [replicas, status] of [
    [1, 1],
    [1, 2],
    [2, 3],
    [1, 4],
  ] as const) {
    history = seen(history, make(replicas, status), status);
  }
  expect(history.map(({ object, since }) => [object.spec.replicas, since])).toEqual([
    [1, 4],
    [2, 3],
    [1, 1],
  ]);
});

it('finds the versions before, as far as the cluster remembers them', async () => {
  const write = (revision: number, replicas: number, status: number, uid = 'u') =>
    ({
      metadata: {
        name: 'x',
        uid,
        resourceVersion: String(revision),
        managedFields: [{ time: new Date(revision * 1000).toISOString() }],
      },
      spec: { replicas },
      status: { status },
    }) as unknown as KubeObject;
  const written = [write(3, 9, 0, 'another'), write(10, 1, 0), write(12, 1, 1), write(15, 2, 1), write(20, 3, 1)];
  const at = async (revision: string) =>
    written.findLast(({ metadata }) => Number(metadata.resourceVersion) <= Number(revision));
  const found = await past(write(21, 3, 2), at);
  expect(found.map(({ object, since }) => [object.spec.replicas, since])).toEqual([
    [2, 15_000],
    [1, 10_000],
  ]);
  expect(await past(write(3, 9, 0), async () => undefined)).toEqual([]);
});
