/** Events as points in time: read from rows, gathered into the bars of a timeline. Pure. */
import type { Column, Row } from '../../api/contract';

export interface Event {
  uid: string;
  /** Told by somebody, or read off what there is: that a workload got another template, that a container began anew. */
  sort: 'event' | 'rollout' | 'restart';
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

/** Of pods: how their containers ended before they were started again. */
export const RESTARTS = ['finishedAt', 'reason', 'exitCode'].map((field) => ({
  name: `x-${field}`,
  jsonPath: `.status.containerStatuses[*].lastState.terminated.${field}`,
}));

/** Of what controllers keep of each template: whose it is, and which one. */
export const ROLLOUTS = [
  { name: 'x-kind', jsonPath: '.metadata.ownerReferences[0].kind' },
  { name: 'x-name', jsonPath: '.metadata.ownerReferences[0].name' },
  { name: 'x-revision', jsonPath: '.metadata.annotations.deployment\\.kubernetes\\.io/revision' },
  { name: 'x-number', jsonPath: '.revision' },
];

/** What stands in a row's columns, by their names in small letters. */
function reader(columns: Column[], row: Row): (name: string) => string {
  return (name) => {
    const index = columns.findIndex((column) => column.name.toLowerCase() === name);
    const cell = row.cells[index];
    return cell === undefined || cell === null || cell === '<none>' ? '' : String(cell);
  };
}

export function eventOf(columns: Column[], row: Row): Event {
  const text = reader(columns, row);
  const time = (...names: string[]) => {
    const found = names.map((name) => Date.parse(text(name))).find((at) => !Number.isNaN(at));
    return found ?? Date.parse(row.created);
  };
  return {
    uid: row.uid,
    sort: 'event',
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

/** The last restart of each of a pod's containers. */
export function restartsOf(columns: Column[], row: Row): Event[] {
  const all = (name: string) => reader(columns, row)(name).split(',').filter(Boolean);
  const [reasons, codes] = [all('x-reason'), all('x-exitcode')];
  return all('x-finishedat').map((ended, index) => ({
    ...mark('restart', 'Pod', 'v1', row.name, row),
    uid: `${row.uid} ${index}`,
    last: Date.parse(ended),
    first: Date.parse(ended),
    warning: codes[index] !== '0',
    message: [reasons[index], codes[index]].filter(Boolean).join(', '),
  }));
}

/** The rollout that a ReplicaSet or ControllerRevision was made for; nothing of one that nobody rolls out. */
export function rolloutOf(columns: Column[], row: Row): Event[] {
  const text = reader(columns, row);
  if (text('x-kind') === '') return [];
  const revision = text('x-revision') || text('x-number');
  const made = mark('rollout', text('x-kind'), 'apps/v1', text('x-name'), row);
  return [{ ...made, message: revision && `#${revision}` }];
}

const mark = (sort: Event['sort'], kind: string, apiVersion: string, name: string, row: Row): Event => ({
  uid: row.uid,
  sort,
  last: Date.parse(row.created),
  first: Date.parse(row.created),
  count: 1,
  warning: false,
  reason: '',
  object: `${kind.toLowerCase()}/${name}`,
  namespace: row.namespace,
  message: '',
  kind,
  apiVersion,
  name,
});

export interface Bar {
  from: number;
  to: number;
  normal: number;
  warning: number;
  rollout: number;
  restart: number;
}

/** Lengths that read well, from a second to a day. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400].map(
  (seconds) => seconds * 1000,
);

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
    (_, index): Bar => ({
      from: start + index * step,
      to: start + (index + 1) * step,
      normal: 0,
      warning: 0,
      rollout: 0,
      restart: 0,
    }),
  );
  for (const { last, warning, sort } of events) {
    const bar = bars[Math.min(count - 1, Math.max(0, Math.floor((last - start) / step)))];
    if (bar) bar[sort !== 'event' ? sort : warning ? 'warning' : 'normal']++;
  }
  return bars;
}

/** Newest first, of a range and a kind if one is chosen. */
export function chosen(events: Event[], range: [number, number] | null, warnings: boolean): Event[] {
  return events
    .filter(({ last, warning }) => (!warnings || warning) && (range === null || (last >= range[0] && last < range[1])))
    .sort((a, b) => b.last - a.last);
}
