import 'uplot/dist/uPlot.min.css';
import { useEffect, useId, useRef } from 'react';
import uPlot from 'uplot';
import { useI18n } from '../../i18n';
import { type Lines, type Series, SUM, summaryOf } from './series';

interface Props {
  title: string;
  times: number[];
  lines: Lines;
  format: (value: number) => string;
  /** Distances that the marks of the axis may have. */
  steps: number[];
}

/** Lines differ in dashes as well as in colour. */
const DASHES = [[], [6, 3], [2, 2], [10, 3, 2, 3]];
const dashOf = (look: number) => DASHES[Math.max(0, look) % DASHES.length] ?? [];

/** The colour of a line on the ground that the page has now. */
function colour(look: number): string {
  if (look === SUM) return getComputedStyle(document.documentElement).getPropertyValue('--ink').trim();
  const dark = document.documentElement.dataset.theme === 'dark';
  const hue = (165 + look * 137) % 360;
  return dark ? `oklch(0.78 0.12 ${hue})` : `oklch(0.48 0.13 ${hue})`;
}

/** A chart over time, and the same in a table of words and numbers. */
export function Chart({ title, times, lines: { series: single, sum }, format, steps }: Props) {
  const series = sum ? [sum, ...single] : single;
  const { t, locale } = useI18n();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const id = useId();
  const lines = JSON.stringify(series.map(({ name, look }) => ({ name, look })));
  const data = [times, ...series.map(({ values }) => values)] as uPlot.AlignedData;
  const newest = useRef(data);
  newest.current = data;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element, JSON.parse(lines), format, steps, locale), newest.current, element);
    };
    draw();
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    const theme = new MutationObserver(draw);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme', 'style'] });
    return () => {
      resize.disconnect();
      theme.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [lines, format, steps, locale]);

  useEffect(() => {
    if (times.length > 0) plot.current?.setData(newest.current);
  }, [times]);

  return (
    <figure className="chart" aria-labelledby={id}>
      <figcaption id={id}>
        <h2>{title}</h2>
      </figcaption>
      <div className="chart-plot">
        <div ref={host} aria-hidden="true" />
        {series.every(({ values }) => known(values) === 0) && (
          <p className="soft" role="status">
            {t('panel.metrics.collecting')}
          </p>
        )}
      </div>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t('name')}</th>
            <th scope="col">{t('panel.metrics.now')}</th>
            <th scope="col">{t('panel.metrics.average')}</th>
            <th scope="col">{t('panel.metrics.least')}</th>
            <th scope="col">{t('panel.metrics.most')}</th>
          </tr>
        </thead>
        <tbody>
          {series.map((one) => {
            const summary = summaryOf(one);
            const cell = (value: number | null | undefined) => <td>{value == null ? '–' : format(value)}</td>;
            return (
              <tr key={one.name}>
                <th scope="row">
                  <Sample look={one.look} /> {one === sum ? t('panel.metrics.sum') : one.name}
                </th>
                {cell(summary?.now)}
                {cell(summary?.average)}
                {cell(summary?.least)}
                {cell(summary?.most)}
              </tr>
            );
          })}
        </tbody>
      </table>
    </figure>
  );
}

function Sample({ look }: Pick<Series, 'look'>) {
  return (
    <svg width="24" height="8" aria-hidden="true">
      <line
        x1="0"
        y1="4"
        x2="24"
        y2="4"
        stroke={colour(look)}
        strokeWidth="2"
        strokeDasharray={dashOf(look).join(' ')}
      />
    </svg>
  );
}

const HEIGHT = 220;
const MINUTE = 60;

const known = (values: ArrayLike<number | null | undefined> = []) =>
  Array.from(values).filter((value) => value != null).length;

/** The time of day, with seconds where the marks are less than a minute apart. */
function clock(locale: string, [first = 0, second = first + MINUTE]: number[]) {
  const format = new Intl.DateTimeFormat(locale, { timeStyle: second - first < MINUTE ? 'medium' : 'short' });
  return (seconds: number) => format.format(seconds * 1000);
}

const atLeastAMinute = (from: number, to: number): [number, number] => [Math.min(from, to - MINUTE), to];

function options(
  element: HTMLElement,
  lines: Pick<Series, 'name' | 'look'>[],
  format: (value: number) => string,
  steps: number[],
  locale: string,
): uPlot.Options {
  const style = getComputedStyle(element);
  const [ink, line] = [style.getPropertyValue('--ink-soft').trim(), style.getPropertyValue('--line').trim()];
  // The canvas takes no part in the page's zoom.
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const axis = {
    font: `${rem * 0.857}px ${style.fontFamily}`,
    stroke: ink,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false },
    scales: {
      // To a moment alone uPlot gives an axis of years.
      x: { range: ({ data: [times] }, from, to) => atLeastAMinute(times[0] ?? from, times.at(-1) ?? to) },
      y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] },
    },
    axes: [
      { ...axis, space: 6.43 * rem, size: 3.57 * rem, values: (_plot, splits) => splits.map(clock(locale, splits)) },
      { ...axis, size: 5.14 * rem, space: 1.71 * rem, incrs: steps, values: (_plot, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ name, look }) => ({
        label: name,
        stroke: colour(look),
        width: 2,
        dash: dashOf(look),
        // A single moment makes no line.
        points: { show: ({ data }: uPlot, index: number) => known(data[index]) === 1, size: 8, fill: colour(look) },
      })),
    ],
  };
}
