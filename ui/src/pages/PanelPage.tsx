import { useLocation } from 'wouter';
import type { ObjectRef } from '../api/contract';
import { useI18n } from '../i18n';
import { EventsTimeline, ForwardsPanel, MetricsPanel, TopologyMap } from '../panels';
import { useCluster } from '../shell/cluster';
import { PageTitle } from '../shell/PageTitle';
import { useLinks } from '../shell/paths';

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
  const { name: cluster } = useCluster();
  const links = useLinks();
  const { namespaces } = links;
  const [, navigate] = useLocation();
  const open = (ref: ObjectRef) => navigate(links.object(ref));
  switch (id) {
    case 'events':
      return <EventsTimeline cluster={cluster} namespaces={namespaces} onOpen={open} />;
    case 'map':
      return <TopologyMap cluster={cluster} namespaces={namespaces} onOpen={open} />;
    case 'metrics':
      return <MetricsPanel cluster={cluster} scope={{ nodes: true }} />;
    case 'forwards':
      return <ForwardsPanel cluster={cluster} />;
  }
}
