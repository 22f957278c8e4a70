import { describe, expect, it } from 'vitest';
import type { KubeObject, ObjectRef } from '../api/contract';
import { ApiError } from '../api/http';
import { evictAll, lostBy } from './drain';

const refs = ['a', 'b', 'c'].map(
  (name): ObjectRef => ({ cluster: 'dev', group: '', version: 'v1', resource: 'pods', namespace: 'shop', name }),
);
const refusal = (code: number) => new ApiError({ message: `refused with ${code}`, code });

describe('a drain', () => {
  it('asks again for pods that a budget holds back, and takes one that is gone for moved', async () => {
    const asked: string[] = [];
    const evict = async ({ name }: ObjectRef) => {
      asked.push(name);
      if (name === 'c') throw refusal(404);
      if (name === 'b' && asked.length < 5) throw refusal(429);
    };
    await evictAll(refs, evict, async () => true);
    expect(asked).toEqual(['a', 'b', 'c', 'b', 'b']);
  });

  it('ends when nobody waits any more, and tells other refusals', async () => {
    let rounds = 0;
    const held = async () => {
      throw refusal(429);
    };
    await evictAll(refs, held, async () => ++rounds < 3);
    expect(rounds).toBe(3);
    const refused = async ({ name }: ObjectRef) => {
      if (name === 'b') throw refusal(403);
    };
    await expect(evictAll(refs, refused, async () => true)).rejects.toThrow('shop/b: refused with 403');
  });

  it('says what is lost', () => {
    const pod = (name: string, controller: boolean, volumes: object[] = []) =>
      ({
        metadata: { name, ownerReferences: controller ? [{ controller }] : [] },
        spec: { volumes },
      }) as unknown as KubeObject;
    const pods = [pod('bare', false), pod('owned', true), pod('cache', true, [{ name: 'c', emptyDir: {} }])];
    expect(lostBy(pods)).toEqual({ bare: ['bare'], emptyDir: ['cache'] });
  });
});
