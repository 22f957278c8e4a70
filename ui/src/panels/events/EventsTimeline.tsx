import './events.css';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { ObjectRef } from '../../api/contract';
import { Staleness } from '../../components/Live';
import { Button, Empty } from '../../components/parts';
import { useI18n } from '../../i18n';
import { EVENTS } from '../../kinds/gvrs';
import { useList, useListState } from '../../store/hooks';
import { usePanelState } from '../../store/panelState';
import { listSpec } from '../../store/specs';
import { Failure, Loading, Panel } from '../parts';
import { Axis } from './Axis';
import { EventItem } from './EventItem';
import { barsOf, COLUMNS, chosen, eventOf } from './timeline';
import { type Parts, rowsOf, useMarks } from './useMarks';

/** Of all times, and of all events. */
const USUAL = { warnings: false, from: 0, to: 0 };

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
