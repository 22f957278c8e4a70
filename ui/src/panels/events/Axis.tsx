import { useI18n } from '../../i18n';
import type { Bar } from './timeline';

interface Props {
  bars: Bar[];
  range: [number, number] | null;
  onPick: (range: [number, number]) => void;
}

/** The axis of time: a bar for each span, with what happened in it, to pick one from. */
export function Axis({ bars, range, onPick }: Props) {
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

/** A rollout or a restart, told apart by its shape. */
export function Mark({ sort }: { sort: 'rollout' | 'restart' }) {
  return (
    <svg className={`mark ${sort}`} viewBox="0 0 10 10" aria-hidden="true">
      {sort === 'rollout' ? <path d="M5 1 9.5 9H.5z" /> : <circle cx="5" cy="5" r="4" />}
    </svg>
  );
}
