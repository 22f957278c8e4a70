/** Events as points in time: read from rows, gathered into the bars of a timeline. Pure. */
import type { Column, Row } from '../../api/contract';

export interface Event {
  uid: string;
  /** When it happened last, milliseconds since 1970. */
  last: number;
  /** When it happened first. */
  first: number;
  count: number;
  warning: boolean;
  reason: string;
  /** `pod/web-0`. */
  object: string;
  namespace: string;
  message: string;
  kind: string;
  apiVersion: string;
  name: string;
}

/** The columns asked for beside those that the server prints. */
export const COLUMNS = [
  { name: 'x-last', jsonPath: '.lastTimestamp' },
  { name: 'x-series', jsonPath: '.series.lastObservedTime' },
  { name: 'x-event', jsonPath: '.eventTime' },
  { name: 'x-first', jsonPath: '.firstTimestamp' },
  { name: 'x-count', jsonPath: '.count' },
  { name: 'x-times', jsonPath: '.series.count' },
  { name: 'x-kind', jsonPath: '.involvedObject.kind' },
  { name: 'x-version', jsonPath: '.involvedObject.apiVersion' },
  { name: 'x-name', jsonPath: '.involvedObject.name' },
];

export function eventOf(columns: Column[], row: Row): Event {
  const text = (name: string) => {
    const index = columns.findIndex((column) => column.name.toLowerCase() === name);
    const cell = row.cells[index];
    return cell === undefined || cell === null || cell === '<none>' ? '' : String(cell);
  };
  const time = (...names: string[]) => {
    const found = names.map((name) => Date.parse(text(name))).find((at) => !Number.isNaN(at));
    return found ?? Date.parse(row.created);
  };
  return {
    uid: row.uid,
    last: time('x-series', 'x-last', 'x-event'),
    first: time('x-first', 'x-event'),
    count: Number(text('x-times') || text('x-count')) || 1,
    warning: text('type') === 'Warning',
    reason: text('reason'),
    object: text('object'),
    namespace: row.namespace,
    message: text('message'),
    kind: text('x-kind'),
    apiVersion: text('x-version'),
    name: text('x-name'),
  };
}

export interface Bar {
  from: number;
  to: number;
  normal: number;
  warning: number;
}

const STEPS = [1, 5, 10, 30, 60, 300, 900, 1800, 3600, 10_800, 43_200, 86_400].map((seconds) => seconds * 1000);

/** The time from the first event to `now` in at most `most` bars of a round length. */
export function barsOf(events: Event[], now: number, most = 60): Bar[] {
  if (events.length === 0) return [];
  const first = Math.min(...events.map(({ last }) => last));
  const span = Math.max(now - first, 1000);
  const step = STEPS.find((candidate) => span / candidate < most - 1) ?? Math.ceil(span / most);
  const start = Math.floor(first / step) * step;
  const count = Math.max(1, Math.ceil((now + 1 - start) / step));
  const bars = Array.from(
    { length: count },
    (_, index): Bar => ({ from: start + index * step, to: start + (index + 1) * step, normal: 0, warning: 0 }),
  );
  for (const { last, warning } of events) {
    const bar = bars[Math.min(count - 1, Math.max(0, Math.floor((last - start) / step)))];
    if (bar) bar[warning ? 'warning' : 'normal']++;
  }
  return bars;
}

/** Newest first, of a range and a kind if one is chosen. */
export function chosen(events: Event[], range: [number, number] | null, warnings: boolean): Event[] {
  return events
    .filter(({ last, warning }) => (!warnings || warning) && (range === null || (last >= range[0] && last < range[1])))
    .sort((a, b) => b.last - a.last);
}
