import { expect, it } from 'vitest';
import type { KubeObject } from '../api/contract';
import { amountOf, taken, taking } from './requests';

it('a quantity is the number that it writes', () => {
  for (const [text, amount] of [
    ['250m', 0.25],
    ['2', 2],
    ['1.5', 1.5],
    ['1Ki', 1024],
    ['64Mi', 64 * 1024 ** 2],
    ['3G', 3e9],
    ['1e3', 1000],
    ['2E', 2e18],
    ['900n', 9e-7],
    ['', 0],
    [undefined, 0],
  ] as const)
    expect(amountOf(text), text).toBeCloseTo(amount, 9);
});

const cpu = (amount: string, more = {}) => ({ name: 'c', resources: { requests: { cpu: amount } }, ...more });
const pod = (spec: object, phase = 'Running'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec,
  status: { phase },
});

it('a pod takes what its containers do together, or what it starts with when that is more', () => {
  for (const [spec, amount] of [
    [{ containers: [cpu('1'), cpu('500m')] }, 1.5],
    [{ containers: [cpu('1')], initContainers: [cpu('3'), cpu('2')] }, 3],
    [{ containers: [cpu('1')], initContainers: [cpu('1', { restartPolicy: 'Always' })] }, 2],
    [{ containers: [cpu('1')], initContainers: [cpu('1', { restartPolicy: 'Always' }), cpu('2')] }, 3],
    [{ containers: [cpu('1')], overhead: { cpu: '250m' } }, 1.25],
    [{ containers: [cpu('1')], resources: { requests: { cpu: '4' } } }, 4],
    [{ containers: [{ name: 'c' }] }, 0],
  ] as const)
    expect(taken([pod(spec)], 'requests', 'cpu'), JSON.stringify(spec)).toBe(amount);
  expect(taken([pod({ containers: [cpu('1')] }), pod({ containers: [cpu('2')] })], 'requests', 'cpu')).toBe(3);
});

it('a pod that has ended takes nothing', () => {
  const pods = ['Running', 'Pending', 'Succeeded', 'Failed'].map((phase) => pod({}, phase));
  expect(taking(pods)).toEqual(pods.slice(0, 2));
});
