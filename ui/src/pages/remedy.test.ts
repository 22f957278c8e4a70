import { expect, it } from 'vitest';
import type { KubeObject, ObjectRef } from '../api/contract';
import { templateOf } from './useRemedy';

const owners: Record<string, [string, string] | undefined> = {
  'web-5f-x': ['ReplicaSet', 'web-5f'],
  'web-5f': ['Deployment', 'web'],
  'nightly-x': ['Job', 'nightly'],
};
const get = async ({ name }: ObjectRef) => {
  const [kind, owner] = owners[name] ?? [];
  const ownerReferences = kind ? [{ apiVersion: 'v1', kind, name: owner, uid: '', controller: true }] : [];
  return { metadata: { name, ownerReferences } } as unknown as KubeObject;
};
const refTo = (apiVersion: string, kind: string, namespace: string, name: string): ObjectRef => ({
  cluster: 'dev',
  group: '',
  version: apiVersion,
  resource: `${kind.toLowerCase()}s`,
  namespace,
  name,
});

it.each([
  ['web-5f-x', 'deployments web'],
  ['nightly-x', 'jobs nightly'],
  ['bare', 'pods bare'],
])('what is wrong with the pod %s is mended in %s', async (name, expected) => {
  const found = await templateOf(refTo('v1', 'Pod', 'shop', name), refTo, get);
  expect(`${found.resource} ${found.name}`).toBe(expected);
});
