import './events.css';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { ObjectRef } from '../../api/contract';
import { Button, Empty } from '../../components/parts';
import { useI18n } from '../../i18n';
import { EVENTS } from '../../kinds/gvrs';
import { useList, useListState } from '../../store/hooks';
import { listSpec } from '../../store/specs';
import { Failure, Loading, Panel, Stale } from '../parts';
import { type Bar, barsOf, COLUMNS, chosen, type Event, eventOf } from './timeline';

interface Props {
  cluster: string;
  namespaces: string[];
  /** A field selector of the events about one object. */
  involved?: string;
  onOpen?: (ref: ObjectRef) => void;
}

/** What happened, on an axis of time: bars to pick a moment from, and the events of it. */
export default function EventsTimeline({ cluster, namespaces, involved, onOpen }: Props) {
  const { t } = useI18n();
  const [range, setRange] = useState<[number, number] | null>(null);
  const [warnings, setWarnings] = useState(false);
  const spec = listSpec(cluster, EVENTS, {
    namespaces,
    fieldSelector: involved ?? '',
    // Of more than there is room for, the newest.
    sort: { column: 'rv', descending: true },
    columns: COLUMNS,
    limit: 1000,
  });
  const list = useList(spec);
  const view = useListState(list);
  const now = useMinute();
  const events = useMemo(
    () =>
      view.data.order.flatMap((uid) => {
        const row = list.row(uid);
        return row === undefined ? [] : [eventOf(view.data.columns, row)];
      }),
    [view.data, list],
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
      label={t('panel.events.title')}
      bar={
        <>
          <Button look="small" aria-pressed={warnings} onClick={() => setWarnings(!warnings)}>
            {t('panel.events.warnings')}
          </Button>
          {range !== null && (
            <Button look="small" onClick={() => setRange(null)}>
              {t('panel.events.all')}
            </Button>
          )}
          <span className="grow" />
          <Stale view={view} />
        </>
      }
      foot={<span role="status">{t('panel.events.count', { shown: shown.length, all: events.length })}</span>}
    >
      {events.length === 0 ? (
        <Empty title={t('panel.events.none')} />
      ) : (
        <>
          <div ref={axis}>
            <Axis bars={bars} range={range} onPick={setRange} />
          </div>
          <ol className="events">
            {shown.map((event) => (
              <EventItem
                key={event.uid}
                event={event}
                cluster={cluster}
                placed={involved === undefined && namespaces.length !== 1}
                {...(onOpen ? { onOpen } : {})}
              />
            ))}
          </ol>
        </>
      )}
    </Panel>
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
          const empty = bar.normal + bar.warning === 0;
          const label = t('panel.events.bar', { time: date(bar.from), warnings: bar.warning, normal: bar.normal });
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
              <span className="warning" style={{ height: height(bar.warning) }} />
              <span className="normal" style={{ height: height(bar.normal) }} />
            </button>
          );
        })}
      </div>
      <figcaption className="row small soft">
        <span className="grow">{first && date(first.from)}</span>
        <span>{last && date(last.to)}</span>
      </figcaption>
    </figure>
  );
}

interface ItemProps {
  event: Event;
  cluster: string;
  /** Whether the namespace is told. */
  placed: boolean;
  onOpen?: (ref: ObjectRef) => void;
}

function EventItem({ event, cluster, placed, onOpen }: ItemProps) {
  const { t, ago, date } = useI18n();
  const ref = refOf(cluster, event);
  return (
    <li className={event.warning ? 'warning' : ''}>
      <time dateTime={new Date(event.last).toISOString()} title={date(event.last)}>
        {ago(event.last)}
      </time>
      <span>
        {event.warning && <span className="chip">{t('panel.events.warning')}</span>} <strong>{event.reason}</strong>{' '}
        {onOpen !== undefined && ref !== null ? (
          <Button look="small quiet" onClick={() => onOpen(ref)}>
            {event.object}
          </Button>
        ) : (
          <span className="mono">{event.object}</span>
        )}
        {placed && <span className="soft small"> {event.namespace}</span>}
        {event.count > 1 && <span className="soft small"> ×{event.count}</span>}
        <span className="event-message">{event.message}</span>
      </span>
    </li>
  );
}

/** The kinds that events are about most; others have no link. */
const RESOURCES: Record<string, string> = {
  Pod: 'pods',
  Node: 'nodes',
  Service: 'services',
  PersistentVolumeClaim: 'persistentvolumeclaims',
  PersistentVolume: 'persistentvolumes',
  Deployment: 'deployments',
  ReplicaSet: 'replicasets',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
  Job: 'jobs',
  CronJob: 'cronjobs',
  HorizontalPodAutoscaler: 'horizontalpodautoscalers',
};

function refOf(cluster: string, { kind, apiVersion, namespace, name }: Event): ObjectRef | null {
  const resource = RESOURCES[kind];
  if (resource === undefined || apiVersion === '') return null;
  const [first = '', second] = apiVersion.split('/');
  const [group, version] = second === undefined ? ['', first] : [first, second];
  const where = ['nodes', 'persistentvolumes'].includes(resource) ? '' : namespace;
  return { cluster, group, version, resource, namespace: where, name };
}
