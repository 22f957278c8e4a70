import { ScrollText } from 'lucide-react';
import type { ObjectRef } from '../../api/contract';
import { Button } from '../../components/parts';
import { useI18n } from '../../i18n';
import { Mark } from './Axis';
import type { Event } from './timeline';

/** The kinds that have logs, those of their pods. */
const LOGGED = ['Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job'];

interface Props {
  event: Event;
  /** What it is about; nothing for what the cluster does not know. */
  target: ObjectRef | undefined;
  /** Whether the namespace is told. */
  placed: boolean;
  onOpen: (ref: ObjectRef) => void;
  onLogs: (ref: ObjectRef, at: number) => void;
}

/** What happened once, or so many times, with the ways to what it is about and to its logs of then. */
export function EventItem({ event, target, placed, onOpen, onLogs }: Props) {
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
