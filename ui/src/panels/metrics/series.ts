/** Measurements over time, made into lines for a chart and into words for those who do not see it. Pure. */
import type { MetricsPoint, NodeUsage, Scope } from '../../api/contract';

export interface Series {
  name: string;
  /** Its number among all names, which gives it the same look in each chart. */
  look: number;
  /** One for each time; null where nothing was measured. */
  values: (number | null)[];
}

/** The lines of one amount. */
export interface Lines {
  series: Series[];
  /** What all use together, those without a line included; null where one is all, or is counted in another. */
  sum: Series | null;
}

export interface Chart extends Record<keyof Amounts, Lines> {
  /** Seconds since 1970. */
  times: number[];
  /** How many lines are left out, the smallest ones. */
  hidden: number;
}

/** More lines than this nobody can tell apart. */
export const MOST = 8;
/** The look of a sum, which is no name's. */
export const SUM = -1;

/** What a line is drawn of; containers have no network of their own. */
type Usage = Pick<NodeUsage, 'name' | 'cpu' | 'memory'> & Partial<NodeUsage>;
type Amounts = Omit<NodeUsage, 'name'>;

/** The measurements of the last minutes; of all times for 0. */
export function lately(points: MetricsPoint[], minutes: number): MetricsPoint[] {
  const last = points.at(-1);
  if (minutes === 0 || !last) return points;
  const from = Date.parse(last.at) - minutes * 60_000;
  return points.filter(({ at }) => Date.parse(at) >= from);
}

export function chartOf(points: MetricsPoint[], scope: Scope): Chart {
  const usages = points.map((point) => new Map(pick(point, scope).map((usage) => [usage.name, usage])));
  const names = [...new Set(usages.flatMap((usage) => [...usage.keys()]))].sort();
  const latest = (name: string, of: keyof Amounts) => usages.findLast((usage) => usage.has(name))?.get(name)?.[of] ?? 0;
  const now = usages.at(-1);
  // Of a single pod the containers are parts.
  const single = 'pods' in scope && scope.pods?.length === 1;
  const sum = (of: keyof Amounts): Series | null => {
    if (single || names.length < 2) return null;
    const values = usages.map((usage) => {
      const known = [...usage.values()].flatMap((one) => one[of] ?? []);
      return known.length > 0 ? known.reduce((all, one) => all + one, 0) : null;
    });
    return { name: '', look: SUM, values };
  };
  const series = (of: keyof Amounts) =>
    names
      .filter((name) => usages.some((usage) => usage.get(name)?.[of] !== undefined))
      // What is gone by now comes after what is not.
      .sort((a, b) => Number(now?.has(b)) - Number(now?.has(a)) || latest(b, of) - latest(a, of) || a.localeCompare(b))
      .slice(0, MOST)
      .map((name) => ({
        name,
        look: names.indexOf(name),
        values: usages.map((usage) => usage.get(name)?.[of] ?? null),
      }));
  const lines = (of: keyof Amounts): Lines => ({ series: series(of), sum: sum(of) });
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
  if ('nodes' in scope) return nodes.filter(({ name }) => scope.nodes.length === 0 || scope.nodes.includes(name));
  // The agent has added up what their pods use.
  if ('namespaces' in scope) return pods;
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
