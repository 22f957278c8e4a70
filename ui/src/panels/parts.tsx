import './panels.css';
import { type ReactNode, useEffect, useState } from 'react';
import { Button, Failure } from '../components/parts';
import { useI18n } from '../i18n';

export { Failure };

/** A panel's frame: toolbar, notices, body, and a line at the foot. */
export function Panel(props: {
  label: string;
  bar?: ReactNode;
  notes?: ReactNode;
  foot?: ReactNode;
  /** Whether the body holds only what is looked at: then it is itself what the keyboard scrolls. */
  still?: boolean;
  children: ReactNode;
}) {
  return (
    <section className="panel" aria-label={props.label}>
      {props.bar && <div className="bar">{props.bar}</div>}
      {props.notes}
      <div className="body" tabIndex={props.still ? 0 : undefined}>
        {props.children}
      </div>
      {props.foot && <div className="foot">{props.foot}</div>}
    </section>
  );
}

/** Says that an edit of before is back, and lets it go; nothing when `time` is 0. */
export function Restored({ time, discard }: { time: number; discard: () => void }) {
  const { t, ago } = useI18n();
  if (time === 0) return null;
  return (
    <div className="note row" role="status">
      <span className="grow">{t('panel.editor.restored', { ago: ago(time) })}</span>
      <Button look="small" onClick={discard}>
        {t('panel.editor.discard')}
      </Button>
    </div>
  );
}

/** A value that settles: the newest that has not changed for a while. */
export function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

/** Hands a file to the browser for saving. */
export function download(name: string, content: BlobPart, type = 'text/plain'): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

export function Loading() {
  const { t } = useI18n();
  return (
    <p className="empty" role="status">
      {t('loading')}
    </p>
  );
}
