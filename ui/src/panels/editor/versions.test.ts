import { expect, it } from 'vitest';
import type { KubeObject } from '../json';
import { seen, type Version } from './versions';

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
  expect(history.map(({ object, seen: at }) => [object.spec.replicas, at])).toEqual([
    [1, 4],
    [2, 3],
    [1, 1],
  ]);
});
