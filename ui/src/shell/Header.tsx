import { Boxes, ChevronDown, CircleHelp, Menu as MenuIcon, Search, WifiOff } from 'lucide-react';
import { Link, useLocation } from 'wouter';
import { Menu } from '../components/Menu';
import { HealthMark, IconButton } from '../components/parts';
import { useI18n } from '../i18n';
import { clusterHealth } from '../kinds/clusters';
import { useConnection } from '../store/hooks';
import { useHost } from '../store/host';
import { openPalette, useUi } from '../store/ui';
import { NamespaceFilter } from './NamespaceFilter';
import { Operations } from './Operations';
import { elsewhereHref, ROUTES, useClusterName } from './paths';
import { SettingsMenu } from './SettingsMenu';

export function Header({ menu, onMenu }: { menu?: boolean; onMenu?: () => void }) {
  const { t } = useI18n();
  const name = useClusterName();
  return (
    <header className="top">
      {onMenu && (
        <IconButton
          className="narrow-only"
          label={t('navigation')}
          aria-expanded={menu}
          aria-controls="navigation"
          onClick={onMenu}
        >
          <MenuIcon />
        </IconButton>
      )}
      <Link href={ROUTES.clusters} className="brand" aria-label={t('clusters')}>
        <img src="/icon.svg" alt="" width="22" height="22" />
        <span>devcluster</span>
      </Link>
      <ClusterSwitcher name={name} />
      {name && <NamespaceFilter />}
      <span className="grow" />
      <Lost />
      <button type="button" className="button jump" aria-label={t('palette.open')} onClick={openPalette}>
        <Search />
        <span className="grow">{t('palette.open')}</span>
        <kbd>:</kbd>
      </button>
      <Operations />
      <IconButton label={t('keys')} onClick={() => useUi.setState({ help: true })}>
        <CircleHelp />
      </IconButton>
      <SettingsMenu />
    </header>
  );
}

function ClusterSwitcher({ name }: { name: string }) {
  const { t } = useI18n();
  const [location, navigate] = useLocation();
  const clusters = useHost((host) => host.clusters) ?? [];
  const current = clusters.find((cluster) => cluster.name === name);
  const entries = clusters.map((cluster) => ({
    id: cluster.name,
    label: cluster.name,
    icon: <HealthMark health={clusterHealth(cluster.state)} />,
    run: () => navigate(elsewhereHref(location, cluster.name)),
  }));
  return (
    <Menu
      trigger={
        <button type="button" className="button quiet" title={t('clusters.switch')}>
          {current ? <HealthMark health={clusterHealth(current.state)} /> : name ? <Unknown /> : <Boxes />}
          <span className="hidden-text">{t('clusters.switch')}: </span>
          <strong className="cut">{name || t('clusters')}</strong>
          <ChevronDown />
        </button>
      }
      entries={[
        ...entries,
        { id: '', label: t('clusters.all'), icon: <Boxes />, run: () => navigate(ROUTES.clusters) },
      ]}
    />
  );
}

/** The place of a cluster's health until it is told. */
const Unknown = () => (
  <span className="health">
    <svg viewBox="0 0 12 12" aria-hidden="true" />
  </span>
);

/** Tells that the page no longer hears the agent. */
function Lost() {
  const { t } = useI18n();
  const { connected, refused } = useConnection();
  const clusters = useHost((host) => host.clusters);
  if (connected || clusters === null) return null;
  return (
    <span className="lost row tight" role="status">
      <WifiOff width={16} height={16} aria-hidden />
      <span>{t(refused ? 'session.closed.title' : 'connection.lost')}</span>
    </span>
  );
}
