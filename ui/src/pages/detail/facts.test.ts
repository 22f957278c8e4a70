import { expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { facts } from './facts';

it('of a kind that nobody knows shows every field, plain ones as they are', () => {
  const object: KubeObject = {
    apiVersion: 'example.com/v1',
    kind: 'Oddity',
    metadata: { name: 'odd' },
    spec: { size: 3, on: false, hosts: ['a', 'b'], none: null, deep: { a: [1] } },
    status: { conditions: [{ type: 'Ready' }], phase: 'Odd' },
  };
  expect(facts(object)).toEqual([
    { label: 'size', value: '3' },
    { label: 'on', value: 'false' },
    { label: 'hosts', value: 'a, b' },
    { label: 'deep', value: JSON.stringify({ a: [1] }, null, 2), folded: true },
    { label: 'phase', value: 'Odd' },
  ]);
});

it('of a kind without a specification shows what stands beside the metadata', () => {
  const limit = { apiVersion: 'v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 1000 };
  expect(facts(limit as KubeObject)).toEqual([{ label: 'value', value: '1000' }]);
});

it('what is so or not is told apart from what is named so', () => {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'true' }, spec: { podCIDR: 'true' } };
  expect(facts(node as KubeObject).filter(({ value }) => value === 'true')).toEqual([
    { label: 'Schedulable', value: 'true', truth: true },
    { label: 'Pod CIDR', value: 'true' },
  ]);
});
