import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ChevronDown, ChevronUp } from 'lucide-react';
import { type CSSProperties, memo, useEffect, useMemo, useRef, useState } from 'react';
import { Button, Empty, IconButton } from '../../components/parts';
import { useI18n } from '../../i18n';
import { widthsOf } from './fields';
import { clockOf, type Line, momentIn } from './lines';
import { hueOf, pieces, plain } from './search';

export interface LogOptions {
  times: boolean;
  wrap: boolean;
}

interface Props {
  lines: readonly Line[];
  /** Indexes of the lines in which the pattern is found. */
  hits: number[];
  /** The moment to look at, in milliseconds since 1970; 0 for the present. */
  at: number;
  pattern: RegExp | null;
  options: LogOptions;
  /** Fields to show instead of the text of lines that are JSON. */
  columns: string[];
  /** What tells sources apart, when there are several. */
  nameOf: ((line: Line) => string) | null;
}

const ROW = 20;

/** The lines, only those in sight drawn. It stays at the end while it is there, and where the reader is when not. */
export function LogList({ lines, hits, at, pattern, options, columns, nameOf }: Props) {
  const { t } = useI18n();
  const box = useRef<HTMLDivElement>(null);
  const top = useRef(0);
  const [atEnd, setAtEnd] = useState(true);
  const [hit, setHit] = useState(-1);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    getItemKey: (index) => lines[index]?.id ?? index,
    overscan: 20,
  });

  const widths = useMemo(() => widthsOf(lines, columns), [lines, columns]);
  const nameWidth = useMemo(
    () => (nameOf && columns.length > 0 ? lines.reduce((most, line) => Math.max(most, nameOf(line).length), 0) : 0),
    [lines, nameOf, columns],
  );
  const last = lines.length - 1;
  const height = virtual.scrollRect?.height ?? 0;
  useEffect(() => {
    if (atEnd && last >= 0 && height > 0) virtual.scrollToIndex(last, { align: 'end' });
  }, [atEnd, last, height, virtual]);

  const go = (step: number) => {
    if (hits.length === 0) return;
    const next = (hit + step + hits.length) % hits.length;
    setHit(next);
    setAtEnd(false);
    virtual.scrollToIndex(hits[next] ?? 0, { align: 'center' });
  };
  // The line of the moment: which one it is may change while lines come, and then it is gone to again.
  const then = useMemo(() => (at === 0 ? -1 : momentIn(lines, at)), [lines, at]);
  const thenId = lines[then]?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another line is another place.
  useEffect(() => {
    if (thenId === undefined || height === 0) return;
    setAtEnd(false);
    virtual.scrollToIndex(then, { align: 'center' });
  }, [thenId, height > 0]);
  const current = hits[hit] ?? then;
  const onScroll = () => {
    if (box.current === null) return;
    const { scrollHeight, scrollTop, clientHeight } = box.current;
    const near = scrollHeight - scrollTop - clientHeight < ROW * 2;
    // Who scrolls back leaves the end; a lower box and taller lines do not.
    const back = scrollTop < top.current;
    top.current = scrollTop;
    setAtEnd((was) => near || (was && !back));
  };
  return (
    <div className="log-list">
      {pattern !== null && (
        <div className="row tight log-hits">
          <span role="status">
            {t('panel.logs.hits', { at: hits.length === 0 ? 0 : Math.max(hit, 0) + 1, all: hits.length })}
          </span>
          <IconButton look="small" label={t('panel.logs.earlier')} onClick={() => go(-1)}>
            <ChevronUp />
          </IconButton>
          <IconButton look="small" label={t('panel.logs.later')} onClick={() => go(1)}>
            <ChevronDown />
          </IconButton>
        </div>
      )}
      <div
        ref={box}
        className={`log-scroll ${options.wrap ? 'wrap' : ''}`}
        role="log"
        aria-live="off"
        aria-label={t('tab.logs')}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region is reached by the keyboard through its tab stop
        tabIndex={0}
        onScroll={onScroll}
      >
        {lines.length === 0 && <Empty title={t('panel.logs.empty')} />}
        {columns.length > 0 && lines.length > 0 && (
          <div className="log-line log-head">
            {options.times && <span className="log-time" />}
            {nameOf && <span style={wide(nameWidth)} />}
            <span className="log-severity" />
            {columns.map((column, index) => (
              <span key={column} className="log-field" style={wide(widths[index])}>
                {column}
              </span>
            ))}
          </div>
        )}
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            if (line === undefined) return null;
            return (
              <div
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                className={`log-line ${line.severity} ${item.index === current ? 'current' : ''}`}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <LineText
                  line={line}
                  pattern={pattern}
                  times={options.times}
                  columns={columns}
                  widths={widths}
                  name={nameOf?.(line)}
                  nameWidth={nameWidth}
                />
              </div>
            );
          })}
        </div>
      </div>
      {!atEnd && (
        <Button look="small primary" className="log-end" onClick={() => setAtEnd(true)}>
          <ArrowDown /> {t('panel.logs.toEnd')}
        </Button>
      )}
    </div>
  );
}

interface TextProps {
  line: Line;
  pattern: RegExp | null;
  times: boolean;
  columns: string[];
  widths: number[];
  name: string | undefined;
  nameWidth: number;
}

/** In characters; 0 is as wide as it comes. */
const wide = (width: number | undefined): CSSProperties => (width ? { width: `${width}ch` } : {});

const LineText = memo(function LineText({ line, pattern, times, columns, widths, name, nameWidth }: TextProps) {
  const { fields, severity, time } = line;
  return (
    <>
      {times && (
        <time className="log-time" dateTime={time} title={time}>
          {clockOf(time)}
        </time>
      )}
      {name !== undefined && (
        <span
          className="log-pod"
          title={`${line.pod}/${line.container}`}
          style={{ '--hue': hueOf(name) * 30, ...wide(nameWidth) } as CSSProperties}
        >
          {name}
        </span>
      )}
      {line.before && <Before />}
      {severity === 'error' || severity === 'warning' ? (
        <Severity severity={severity} />
      ) : (
        columns.length > 0 && <span className="log-severity" />
      )}
      {columns.length > 0 && fields !== null ? (
        columns.map((column, index) => (
          <span key={column} className="log-field" style={wide(widths[index])} title={fields[column]}>
            <Marked text={fields[column] ?? ''} pattern={pattern} />
          </span>
        ))
      ) : (
        <span className="log-text">
          <Marked text={plain(line.text)} pattern={pattern} />
        </span>
      )}
    </>
  );
});

/** Marks what was said before the container's last restart. */
function Before() {
  const { t } = useI18n();
  return (
    <span className="log-before" role="img" aria-label={t('panel.logs.before')} title={t('panel.logs.before')}>
      ↺
    </span>
  );
}

/** A letter as well as a colour. */
function Severity({ severity }: { severity: 'error' | 'warning' }) {
  const { t } = useI18n();
  return (
    <abbr title={t(`panel.logs.${severity}`)} className={`log-severity ${severity}`}>
      {severity === 'error' ? 'E' : 'W'}
    </abbr>
  );
}

function Marked({ text, pattern }: { text: string; pattern: RegExp | null }) {
  // Parts of one text never change places, so their place is their key.
  let place = 0;
  return pieces(text, pattern).map((piece) => {
    place += piece.text.length + 1;
    return piece.hit ? <mark key={place}>{piece.text}</mark> : <span key={place}>{piece.text}</span>;
  });
}
