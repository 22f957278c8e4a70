/** What pods ask for and may use, added up as the scheduler does. Pure. */
import type { KubeObject } from '../api/contract';
import { type Container, type PodSpec, podSpec } from './read';

const SCALE: Record<string, number> = { n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, Ki: 1024 };
for (const [power, letter] of ['M', 'G', 'T', 'P', 'E'].entries()) {
  SCALE[letter] = 1000 ** (power + 2);
  SCALE[`${letter}i`] = 1024 ** (power + 2);
}

/** The number that a quantity is: 0.25 of `250m`, 1024 of `1Ki`; 0 of what is none. */
export function amountOf(quantity: string | undefined): number {
  const [, number = '', suffix = ''] = /^([-+.\d]+(?:[eE][-+]?\d+)?)([numkKMGTPE]i?)?$/.exec(quantity ?? '') ?? [];
  return number === '' ? 0 : Number(number) * (SCALE[suffix] ?? 1);
}

type Bound = 'requests' | 'limits';

/** What one pod takes of a resource: what is given for the whole pod, or its containers', and those that start before. */
function ofPod(spec: PodSpec, bound: Bound, resource: string): number {
  const overhead = amountOf(spec.overhead?.[resource]);
  const whole = spec.resources?.[bound]?.[resource];
  if (whole !== undefined) return amountOf(whole) + overhead;
  const of = ({ resources }: Container) => amountOf(resources?.[bound]?.[resource]);
  let [beside, start] = [0, 0];
  for (const container of spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') beside += of(container);
    else start = Math.max(start, beside + of(container));
  }
  const running = (spec.containers ?? []).reduce((sum, container) => sum + of(container), beside);
  return Math.max(start, running) + overhead;
}

/** Pods that have ended take nothing any more. */
export const taking = (pods: KubeObject[]): KubeObject[] =>
  pods.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');

/** What pods take of a resource together. */
export const taken = (pods: KubeObject[], bound: Bound, resource: string): number =>
  pods.reduce((sum, pod) => sum + ofPod(podSpec({ ...pod, kind: 'Pod' }) ?? {}, bound, resource), 0);
