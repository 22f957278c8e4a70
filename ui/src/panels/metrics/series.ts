/** Measurements over time, made into lines for a chart and into words for those who do not see it. Pure. */
import type { MetricsPoint, NodeUsage, Scope } from '../../api/contract';

export interface Series {
  name: string;
  /** Its number among all names, which gives it the same look in each chart. */
  look: number;
  /** One for each time; null where nothing was measured. */
  values: (number | null)[];
}

export interface Chart {
  /** Seconds since 1970. */
  times: number[];
  cpu: Series[];
  memory: Series[];
  received: Series[];
  sent: Series[];
  /** How many lines are left out, the smallest ones. */
  hidden: number;
}

/** More lines than this nobody can tell apart. */
export const MOST = 8;

/** What a line is drawn of; containers have no network of their own. */
type Usage = Pick<NodeUsage, 'name' | 'cpu' | 'memory'> & Partial<NodeUsage>;
type Amounts = Omit<NodeUsage, 'name'>;

export function chartOf(points: MetricsPoint[], scope: Scope): Chart {
  const usages = points.map((point) => new Map(pick(point, scope).map((usage) => [usage.name, usage])));
  const names = [...new Set(usages.flatMap((usage) => [...usage.keys()]))].sort();
  const latest = (name: string, of: keyof Amounts) => usages.findLast((usage) => usage.has(name))?.get(name)?.[of] ?? 0;
  const lines = (of: keyof Amounts) =>
    names
      .filter((name) => usages.some((usage) => usage.get(name)?.[of] !== undefined))
      .sort((a, b) => latest(b, of) - latest(a, of) || a.localeCompare(b))
      .slice(0, MOST)
      .map((name) => ({
        name,
        look: names.indexOf(name),
        values: usages.map((usage) => usage.get(name)?.[of] ?? null),
      }));
  return {
    times: points.map(({ at }) => new Date(at).getTime() / 1000),
    cpu: lines('cpu'),
    memory: lines('memory'),
    received: lines('received'),
    sent: lines('sent'),
    hidden: Math.max(0, names.length - MOST),
  };
}

function pick({ nodes, pods }: MetricsPoint, scope: Scope): Usage[] {
  if ('nodes' in scope) return nodes;
  if ('node' in scope) return nodes.filter(({ name }) => name === scope.node);
  const found = pods.filter(
    ({ namespace, name }) => namespace === scope.namespace && (scope.pods?.includes(name) ?? true),
  );
  if (scope.pods?.length !== 1) return found;
  const containers = found.flatMap((pod) => (pod.containers ?? []).map((one) => ({ pod: pod.name, ...one })));
  return [...found, ...containers.map(({ pod, name, cpu, memory }) => ({ name: `${pod}/${name}`, cpu, memory }))];
}

export interface Summary {
  now: number | null;
  least: number;
  most: number;
  average: number;
}

/** Null when nothing was ever measured. */
export function summaryOf({ values }: Series): Summary | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return {
    now: values[values.length - 1] ?? null,
    least: Math.min(...known),
    most: Math.max(...known),
    average: known.reduce((sum, value) => sum + value, 0) / known.length,
  };
}
