import type { MetricsPoint, ViewMessage } from '../api/contract';

/** How many measurements a chart keeps. */
const KEPT = 720;

/** The measurements after a message: those that the agent kept, or one more; another view's may come twice. */
export function pointsAfter(points: MetricsPoint[], message: ViewMessage): MetricsPoint[] {
  if (message.type !== 'metrics') return points;
  if (message.points) return message.points;
  const { at, nodes, pods } = message;
  return points.at(-1)?.at === at ? points : [...points, { at, nodes, pods }].slice(-KEPT);
}
