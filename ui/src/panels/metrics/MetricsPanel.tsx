import './metrics.css';
import { useMemo } from 'react';
import type { Scope } from '../../api/contract';
import { Empty } from '../../components/parts';
import { useI18n } from '../../i18n';
import { useMetrics } from '../../store/hooks';
import { Failure, Panel, Stale } from '../parts';
import { bytesText, coresText } from '../units';
import { Chart } from './Chart';
import { chartOf } from './series';

/** Steps that read well: 1, 2 and 5 of each power of ten for cores, powers of two for bytes. */
const CORES = [-3, -2, -1, 0, 1, 2].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
const BYTES = Array.from({ length: 30 }, (_, power) => 2 ** (power + 12));
const RATES = Array.from({ length: 34 }, (_, power) => 2 ** power);

/** CPU, memory and network over time: of all nodes, of one, or of pods. */
export default function MetricsPanel({ cluster, scope }: { cluster: string; scope: Scope }) {
  const { t } = useI18n();
  const view = useMetrics({ cluster, scope });
  const text = JSON.stringify(scope);
  const chart = useMemo(() => chartOf(view.data, JSON.parse(text) as Scope), [view.data, text]);
  if (!view.loaded && view.error) return <Failure error={view.error} />;
  // A cluster that was not asked for a while measures for a second: till then the charts say so in their places.
  if (view.loaded && chart.cpu.length === 0)
    return <Empty title={t('panel.metrics.none')}>{t('panel.metrics.noneText')}</Empty>;
  return (
    <Panel
      label={t('panel.metrics.title')}
      foot={chart.hidden > 0 && t('panel.metrics.hidden', { count: chart.hidden })}
      notes={<Stale view={view} />}
      still
    >
      <div className="charts" aria-busy={!view.loaded}>
        <Chart title={t('panel.metrics.cpu')} times={chart.times} series={chart.cpu} format={coresText} steps={CORES} />
        {(['memory', 'received', 'sent'] as const).map((of) => (
          <Chart
            key={of}
            title={t(`panel.metrics.${of}`)}
            times={chart.times}
            series={chart[of]}
            format={bytesText}
            steps={of === 'memory' ? BYTES : RATES}
          />
        ))}
      </div>
    </Panel>
  );
}
