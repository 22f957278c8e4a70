import './metrics.css';
import { type ReactNode, useMemo } from 'react';
import type { Scope } from '../../api/contract';
import { Staleness } from '../../components/Live';
import { Choose, Empty } from '../../components/parts';
import { useI18n } from '../../i18n';
import { span } from '../../kinds/read';
import { useMetrics } from '../../store/hooks';
import { usePanelState } from '../../store/panelState';
import { Failure, Panel } from '../parts';
import { bytesText, coresText } from '../units';
import { Chart } from './Chart';
import { chartOf, lately } from './series';

/** Steps that read well: 1, 2 and 5 of each power of ten for cores, powers of two for bytes. */
const CORES = [-3, -2, -1, 0, 1, 2].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
const BYTES = Array.from({ length: 30 }, (_, power) => 2 ** (power + 12));
const RATES = Array.from({ length: 34 }, (_, power) => 2 ** power);

/** Minutes to look back; 0 for as far as it is known. */
const WINDOWS = [0, 30, 10];
const USUAL = { minutes: 0 };

/** CPU, memory and network over time: of all nodes, of one, of namespaces, or of pods. */
export default function MetricsPanel({ cluster, scope, bar }: { cluster: string; scope: Scope; bar?: ReactNode }) {
  const { t } = useI18n();
  const [{ minutes }, change] = usePanelState(USUAL);
  const view = useMetrics({ cluster, scope });
  const text = JSON.stringify(scope);
  const points = useMemo(() => lately(view.data, minutes), [view.data, minutes]);
  const chart = useMemo(() => chartOf(points, JSON.parse(text) as Scope), [points, text]);
  if (!view.loaded && view.error) return <Failure error={view.error} />;
  const draw = (of: 'cpu' | 'memory' | 'received' | 'sent', steps: number[]) => (
    <Chart
      key={of}
      title={t(`panel.metrics.${of}`)}
      times={chart.times}
      lines={chart[of]}
      format={of === 'cpu' ? coresText : bytesText}
      steps={steps}
    />
  );
  return (
    <Panel
      label={t('page.metrics')}
      bar={
        <>
          {bar}
          <Choose
            label={t('panel.metrics.window')}
            value={minutes}
            set={(value) => change({ minutes: Number(value) })}
            options={WINDOWS.map((value) => [
              value,
              value === 0 ? t('panel.metrics.whole') : t('panel.logs.sinceAgo', { age: span(value * 60) }),
            ])}
          />
          <span className="grow" />
          <Staleness brief state={view} />
        </>
      }
      foot={chart.hidden > 0 && t('panel.metrics.hidden', { count: chart.hidden })}
      still
    >
      {/* A cluster that was not asked for a while measures for a second: till then the charts say so in their places. */}
      {view.loaded && chart.cpu.series.length === 0 ? (
        <Empty title={t('panel.metrics.none')}>{t('panel.metrics.noneText')}</Empty>
      ) : (
        <div className="charts" aria-busy={!view.loaded}>
          {draw('cpu', CORES)}
          {draw('memory', BYTES)}
          {draw('received', RATES)}
          {draw('sent', RATES)}
        </div>
      )}
    </Panel>
  );
}
