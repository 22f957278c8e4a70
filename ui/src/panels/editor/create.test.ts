import { afterEach, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { hasSecret, type Mode, make, missing } from './create';

const conf = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'conf' } } as KubeObject;

/** A cluster that has a ConfigMap `conf`, or none; tells what it was asked. */
function cluster(exists: boolean): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string, { method }: { method: string }) => {
    asked.push(`${method} ${path.replace(/.*k8s/, '').replace(/\?.*/, '')}`);
    if (path.endsWith('/api/v1'))
      return Response.json({ resources: [{ name: 'configmaps', kind: 'ConfigMap', namespaced: true }] });
    if (method === 'GET' && !exists) return Response.json({ message: 'not found' }, { status: 404 });
    return Response.json(conf);
  });
  return asked;
}
afterEach(() => vi.unstubAllGlobals());

it.each<[Mode, boolean, string, boolean]>([
  ['create', false, 'applied', true],
  ['create', true, 'exists', false],
  ['change', true, 'applied', true],
  ['check', true, 'changes', true],
  ['check', false, 'valid', true],
])('to %s what exists (%s) is %s', async (mode, exists, state, sent) => {
  const asked = cluster(exists);
  expect((await make('dev', conf, 'shop', mode)).state).toBe(state);
  expect(asked.includes('PATCH /api/v1/namespaces/shop/configmaps/conf')).toBe(sent);
});

it.each([
  [{}, 'apiVersion'],
  [{ apiVersion: 'v1' }, 'kind'],
  [{ apiVersion: 'v1', kind: 'Pod' }, 'metadata.name'],
  [{ apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'a-' } }, undefined],
])('names what %j lacks', async (object, field) => {
  expect(missing(object as unknown as KubeObject)).toBe(field);
});

it.each([
  ['kind: Secret\ndata: {a: "open', true],
  ['{"kind": "Secret"}', true],
  ['kind: SecretStore', false],
  ['kind: ConfigMap', false],
])('sees whether there is a secret in %j, also while it cannot be parsed', (text, expected) => {
  expect(hasSecret(text)).toBe(expected);
});
