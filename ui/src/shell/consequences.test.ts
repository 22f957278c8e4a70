import { expect, it } from 'vitest';
import type { Resource } from '../kinds/discovery';
import { isGrave, taken } from './Consequences';

const kind = (resource: string, group = '', namespaced = true) =>
  ({ resource, group, version: 'v1', kind: resource, namespaced, verbs: ['watch'] }) as unknown as Resource;
const all = [kind('pods'), kind('events'), kind('nodes', '', false), kind('cats', 'example.com')];
const ref = (name: string) => ({ cluster: 'dev', group: '', version: 'v1', resource: '', namespace: '', name });

it.each([
  [kind('namespaces', '', false), 'shop', ['pods', 'cats']],
  [kind('customresourcedefinitions', 'apiextensions.k8s.io', false), 'cats.example.com', ['cats']],
  [kind('persistentvolumeclaims'), 'disk', []],
])('knows of which kinds objects go with a deletion: case %#', (resource, name, expected) => {
  expect(isGrave(resource)).toBe(true);
  expect(taken(resource, [ref(name)], all).map((one) => one.resource)).toEqual(expected);
});
