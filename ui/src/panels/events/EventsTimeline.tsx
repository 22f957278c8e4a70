import './events.css';
import { ScrollText } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { Gvr, ListSpec, ObjectRef, Row } from '../../api/contract';
import { Staleness } from '../../components/Live';
import { Button, Empty } from '../../components/parts';
import { useI18n } from '../../i18n';
import { EVENTS, PODS, REPLICA_SETS, REVISIONS } from '../../kinds/gvrs';
import { useList, useListState } from '../../store/hooks';
import type { ListData, ListView } from '../../store/list';
import { usePanelState } from '../../store/panelState';
import { listSpec } from '../../store/specs';
import { Failure, Loading, Panel } from '../parts';
import {
  type Bar,
  barsOf,
  COLUMNS,
  chosen,
  type Event,
  eventOf,
  RESTARTS,
  ROLLOUTS,
  restartsOf,
  rolloutOf,
} from './timeline';

/** Of all times, and of all events. */
const USUAL = { warnings: false, from: 0, to: 0 };

/** Whose rollouts and restarts are shown beside the events. */
export interface Parts {
  /** The UID of the workload that keeps revisions; empty for all workloads. */
  owner?: string;
  /** The pods. */
  labelSelector?: string;
  fieldSelector?: string;
}

interface Props {
  cluster: string;
  namespaces: string[];
  /** A field selector of the events about one object. */
  involved?: string;
  /** None for what has neither rollouts nor restarts. */
  parts?: Parts | undefined;
  refTo: (apiVersion: string, kind: string, namespace: string, name: string) => ObjectRef | undefined;
  onOpen: (ref: ObjectRef) => void;
  /** Shows the logs of a moment, in milliseconds since 1970. */
  onLogs: (ref: ObjectRef, at: number) => void;
}

/** What happened, on an axis of time: events, rollouts and restarts, bars to pick a moment from, and the events of it. */
export default function EventsTimeline({ cluster, namespaces, involved, parts, refTo, onOpen, onLogs }: Props) {
  const { t } = useI18n();
  const [{ warnings, from, to }, change] = usePanelState(USUAL);
  const range = useMemo((): [number, number] | null => (to === 0 ? null : [from, to]), [from, to]);
  const list = useList(
    listSpec(cluster, EVENTS, {
      namespaces,
      fieldSelector: involved ?? '',
      // Of more than there is room for, the newest.
      sort: { column: 'rv', descending: true },
      columns: COLUMNS,
      limit: 1000,
    }),
  );
  const view = useListState(list);
  const marks = useMarks(cluster, namespaces, parts);
  const now = useMinute();
  const events = useMemo(
    () => [...rowsOf(list, view.data).map((row) => eventOf(view.data.columns, row)), ...marks],
    [view.data, list, marks],
  );
  const [axis, most] = useRoom();
  const bars = useMemo(
    () => barsOf(events, Math.max(now, ...events.map(({ last }) => last)), most),
    [events, now, most],
  );
  const shown = useMemo(() => chosen(events, range, warnings), [events, range, warnings]);
  if (!view.loaded) return view.error ? <Failure error={view.error} /> : <Loading />;
  return (
    <Panel
      label={t('page.events')}
      bar={
        <>
          <Button look="small" aria-pressed={warnings} onClick={() => change({ warnings: !warnings })}>
            {t('panel.events.warnings')}
          </Button>
          {range !== null && (
            <Button look="small" onClick={() => change({ from: 0, to: 0 })}>
              {t('panel.events.all')}
            </Button>
          )}
          <span className="grow" />
          <Staleness brief state={view} />
        </>
      }
      foot={<span role="status">{t('panel.events.count', { shown: shown.length, all: events.length })}</span>}
    >
      {events.length === 0 ? (
        <Empty title={t('panel.events.none')} />
      ) : (
        <>
          <div ref={axis}>
            <Axis bars={bars} range={range} onPick={([from, to]) => change({ from, to })} />
          </div>
          <ol className="events">
            {shown.map((event) => (
              <EventItem
                key={event.uid}
                event={event}
                target={refTo(event.apiVersion, event.kind, event.namespace, event.name)}
                placed={involved === undefined && namespaces.length !== 1}
                onOpen={onOpen}
                onLogs={onLogs}
              />
            ))}
          </ol>
        </>
      )}
    </Panel>
  );
}

const rowsOf = (list: ListView, { order }: ListData): Row[] => order.flatMap((uid) => list.row(uid) ?? []);

/** So many of each kind are looked at: the newest templates, the pods that began anew most often. */
const MARKS = 200;

/** Rollouts and restarts, as the objects tell of them that keep account. */
function useMarks(cluster: string, namespaces: string[], parts: Parts | undefined): Event[] {
  const { owner = '', ...pods } = parts ?? {};
  const marked = (gvr: Gvr, rest: Partial<ListSpec>) =>
    parts ? listSpec(cluster, gvr, { namespaces, limit: MARKS, ...rest }) : null;
  const kept = { owner, columns: ROLLOUTS, sort: { column: 'Age', descending: false } };
  const often = { ...pods, columns: RESTARTS, sort: { column: 'Restarts', descending: true } };
  const sets = useList(marked(REPLICA_SETS, kept));
  const revisions = useList(marked(REVISIONS, kept));
  const restarted = useList(marked(PODS, often));
  const [a, b, c] = [useListState(sets).data, useListState(revisions).data, useListState(restarted).data];
  return useMemo(
    () => [
      ...rowsOf(sets, a).flatMap((row) => rolloutOf(a.columns, row)),
      ...rowsOf(revisions, b).flatMap((row) => rolloutOf(b.columns, row)),
      ...rowsOf(restarted, c).flatMap((row) => restartsOf(c.columns, row)),
    ],
    [sets, revisions, restarted, a, b, c],
  );
}

/** Pixels of a bar and the gap beside it: narrower ones are hard to hit. */
const BAR = 25;

/** How many bars the element has room for. */
function useRoom() {
  const [most, setMost] = useState(12);
  const ref = useCallback((element: HTMLElement | null) => {
    if (element === null) return;
    const follow = new ResizeObserver(() => setMost(Math.max(2, Math.floor(element.clientWidth / BAR) - 1)));
    follow.observe(element);
    return () => follow.disconnect();
  }, []);
  return [ref, most] as const;
}

/** The present time, moved on every minute. */
function useMinute(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 60_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function Axis({
  bars,
  range,
  onPick,
}: {
  bars: Bar[];
  range: [number, number] | null;
  onPick: (range: [number, number]) => void;
}) {
  const { t, date } = useI18n();
  // A single event is no full bar.
  const most = Math.max(4, ...bars.map(({ normal, warning }) => normal + warning));
  const [first, last] = [bars[0], bars[bars.length - 1]];
  return (
    <figure className="axis">
      <div className="axis-bars">
        {bars.map((bar) => {
          const { normal, warning, rollout, restart } = bar;
          const empty = normal + warning + rollout + restart === 0;
          const label = t('panel.events.bar', { time: date(bar.from), warnings: warning, normal, rollout, restart });
          const height = (count: number) => `${(count / most) * 100}%`;
          return (
            <button
              key={bar.from}
              type="button"
              disabled={empty}
              title={label}
              aria-label={label}
              aria-pressed={range?.[0] === bar.from}
              onClick={() => onPick([bar.from, bar.to])}
            >
              <span className="marks" aria-hidden>
                {rollout > 0 && <Mark sort="rollout" />}
                {restart > 0 && <Mark sort="restart" />}
              </span>
              <span className="warning" style={{ height: height(warning) }} />
              <span className="normal" style={{ height: height(normal) }} />
            </button>
          );
        })}
      </div>
      <figcaption className="row small soft">
        <span>{first && date(first.from)}</span>
        <span className="row grow legend">
          {(['rollout', 'restart'] as const)
            .filter((sort) => bars.some((bar) => bar[sort] > 0))
            .map((sort) => (
              <span key={sort} className="row tight">
                <Mark sort={sort} /> {t(`panel.events.${sort}`)}
              </span>
            ))}
        </span>
        <span>{last && date(last.to)}</span>
      </figcaption>
    </figure>
  );
}

/** Told apart by its shape. */
function Mark({ sort }: { sort: 'rollout' | 'restart' }) {
  return (
    <svg className={`mark ${sort}`} viewBox="0 0 10 10" aria-hidden="true">
      {sort === 'rollout' ? <path d="M5 1 9.5 9H.5z" /> : <circle cx="5" cy="5" r="4" />}
    </svg>
  );
}

/** The kinds that have logs, those of their pods. */
const LOGGED = ['Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job'];

interface ItemProps {
  event: Event;
  /** What it is about; nothing for what the cluster does not know. */
  target: ObjectRef | undefined;
  /** Whether the namespace is told. */
  placed: boolean;
  onOpen: (ref: ObjectRef) => void;
  onLogs: (ref: ObjectRef, at: number) => void;
}

function EventItem({ event, target, placed, onOpen, onLogs }: ItemProps) {
  const { t, ago, date } = useI18n();
  const { sort, warning, last, kind, object } = event;
  return (
    <li className={warning ? 'warning' : ''}>
      <time dateTime={new Date(last).toISOString()} title={date(last)}>
        {ago(last)}
      </time>
      <span>
        {sort === 'event' ? (
          <>
            {warning && <span className="chip">{t('panel.events.warning')}</span>} <strong>{event.reason}</strong>
          </>
        ) : (
          <span className="row tight mark-name">
            <Mark sort={sort} /> <strong>{t(`panel.events.${sort}`)}</strong> {sort === 'rollout' && event.message}
          </span>
        )}{' '}
        {target ? (
          <Button look="small quiet" onClick={() => onOpen(target)}>
            {object}
          </Button>
        ) : (
          <span className="mono">{object}</span>
        )}
        {placed && <span className="soft small"> {event.namespace}</span>}
        {event.count > 1 && <span className="soft small"> ×{event.count}</span>}
        {sort !== 'rollout' && <span className="event-message">{event.message}</span>}
      </span>
      {target && LOGGED.includes(kind) && (
        <Button
          look="small quiet"
          aria-label={t('panel.events.logsOf', { object, time: date(last) })}
          onClick={() => onLogs(target, last)}
        >
          <ScrollText />
          {t('tab.logs')}
        </Button>
      )}
    </li>
  );
}
