import { useLocation } from 'wouter';
import type { ObjectRef, Scope } from '../api/contract';
import { Choose, type Option } from '../components/parts';
import { useI18n } from '../i18n';
import { EventsTimeline, ForwardsPanel, MetricsPanel, TopologyMap } from '../panels';
import { useCluster } from '../shell/cluster';
import { PageTitle } from '../shell/PageTitle';
import { useLinks } from '../shell/paths';
import { useDock } from '../shell/useDock';
import { usePanelState } from '../store/panelState';

/** Of what the metrics are; as the namespaces say when it is empty. */
const USUAL = { of: '' };

/** A page that is one panel. */
export default function PanelPage({ id }: { id: 'events' | 'map' | 'metrics' | 'forwards' }) {
  const { t } = useI18n();
  return (
    <main className="page filled">
      <header className="page-head">
        <PageTitle>{t(`page.${id}`)}</PageTitle>
      </header>
      <div className="fill">
        <Content id={id} />
      </div>
    </main>
  );
}

function Content({ id }: { id: 'events' | 'map' | 'metrics' | 'forwards' }) {
  const { name: cluster, refTo } = useCluster();
  const dock = useDock();
  const links = useLinks();
  const { namespaces } = links;
  const [, navigate] = useLocation();
  const open = (ref: ObjectRef) => navigate(links.object(ref));
  switch (id) {
    case 'events':
      return (
        <EventsTimeline
          cluster={cluster}
          namespaces={namespaces}
          parts={{}}
          refTo={refTo}
          onOpen={open}
          onLogs={(ref, at) => dock.open('logs', ref, `at=${at}`)}
        />
      );
    case 'map':
      return <TopologyMap cluster={cluster} namespaces={namespaces} onOpen={open} />;
    case 'metrics':
      return <ClusterMetrics cluster={cluster} namespaces={namespaces} />;
    case 'forwards':
      return <ForwardsPanel cluster={cluster} namespace={namespaces[0]} href={links.object} />;
  }
}

/** What is added up: nodes, or what runs in the namespaces that are chosen; of one of them its pods. */
function ClusterMetrics({ cluster, namespaces }: { cluster: string; namespaces: string[] }) {
  const { t } = useI18n();
  const [{ of }, change] = usePanelState(USUAL);
  const [only] = namespaces.length === 1 ? namespaces : [];
  const scopes: Record<string, Scope> = {
    nodes: { nodes: [] },
    namespaces: { namespaces },
    ...(only === undefined ? {} : { pods: { namespace: only } }),
  };
  // Who has chosen namespaces wants to know of these.
  const usual = only !== undefined ? 'pods' : namespaces.length > 0 ? 'namespaces' : 'nodes';
  const chosen = of in scopes ? of : usual;
  const scope = scopes[chosen] ?? { nodes: [] };
  const options = Object.keys(scopes).map((id): Option => [id, t(`metrics.of.${id as 'nodes'}`)]);
  const choose = <Choose label={t('metrics.of')} value={chosen} set={(of) => change({ of })} options={options} />;
  return <MetricsPanel key={JSON.stringify(scope)} cluster={cluster} scope={scope} bar={choose} />;
}
