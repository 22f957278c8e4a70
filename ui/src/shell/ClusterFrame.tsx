import { Suspense, useEffect, useState } from 'react';
import { Link, Route, Switch } from 'wouter';
import { clusterAction } from '../api/agent';
import { lazily } from '../components/lazily';
import { Button, Empty } from '../components/parts';
import { SkipLink } from '../components/SkipLink';
import { useI18n } from '../i18n';
import { isAsleep } from '../kinds/clusters';
import { longName } from '../kinds/sections';
import { ClusterOverview } from '../pages/ClusterOverview';
import { DetailPage } from '../pages/detail/DetailPage';
import { ImagesPage } from '../pages/ImagesPage';
import { ListPage } from '../pages/list/ListPage';
import { SyncPage } from '../pages/SyncPage';
import { Tour } from '../pages/Tour';
import { useDeleting, useHost } from '../store/host';
import { attempt } from '../store/ui';
import { Guarded } from './App';
import { useCluster } from './cluster';
import { Dock } from './Dock';
import { Header } from './Header';
import { useClusterKeys } from './keys';
import { OperationView } from './Operations';
import { PaletteLayer } from './PaletteLayer';
import { ROUTES } from './paths';
import { Sidebar } from './Sidebar';

const PanelPage = lazily(() => import('../pages/PanelPage'));

/** The frame of one cluster: navigation, page, dock. */
export function ClusterFrame() {
  const [menu, setMenu] = useState(false);
  const gone = useGone();
  useClusterKeys();
  useDrawer(menu, setMenu);
  return (
    <div className={gone ? 'frame host' : 'frame'} data-menu={menu}>
      <SkipLink />
      <Header menu={menu} onMenu={() => setMenu(!menu)} />
      {!gone && <Sidebar onNavigate={() => setMenu(false)} />}
      <div className="scrim" aria-hidden onClick={() => setMenu(false)} />
      <div className="main" id="page" tabIndex={-1}>
        {!gone && <Tour />}
        <Asleep />
        <Guarded>
          <Page />
        </Guarded>
        <Dock />
      </div>
      <PaletteLayer />
    </div>
  );
}

/** Whether the host is known to have no such cluster. */
function useGone(): boolean {
  const known = useHost((host) => host.clusters !== null);
  return !useCluster().cluster && known;
}

/** On narrow screens the navigation is a drawer: it takes the focus when it opens, and gives it back on Escape. */
function useDrawer(open: boolean, set: (open: boolean) => void) {
  useEffect(() => {
    if (!open) return;
    const before = document.activeElement;
    const drawer = document.getElementById('navigation');
    (drawer?.querySelector<HTMLElement>('[aria-current=page]') ?? drawer?.querySelector('a'))?.focus();
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      set(false);
      if (before instanceof HTMLElement) before.focus();
    };
    const left = ({ target }: FocusEvent) => {
      if (target instanceof Node && target !== before && !drawer?.contains(target)) set(false);
    };
    document.addEventListener('keydown', onKey);
    document.addEventListener('focusin', left);
    return () => {
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('focusin', left);
    };
  }, [open, set]);
}

function Page() {
  const { t } = useI18n();
  const { name, cluster, error, retry, resources } = useCluster();
  const gone = useGone();
  if (gone)
    return (
      <Empty title={t('cluster.unknown', { name })} action={<Link href={ROUTES.clusters}>{t('clusters')}</Link>} />
    );
  if (cluster && isAsleep(cluster) && resources.length === 0) return null;
  if (error && resources.length === 0) {
    return (
      <Empty title={t('cluster.silent')} action={<Button onClick={retry}>{t('retry')}</Button>}>
        {error.message}
      </Empty>
    );
  }
  return (
    <Suspense fallback={<Empty title={t('loading')} />}>
      <Switch>
        <Route path={ROUTES.object}>{(params) => <ObjectRoute {...params} />}</Route>
        <Route path={ROUTES.list}>{(params) => <KindRoute {...params} />}</Route>
        <Route path="/c/:cluster">
          <ClusterOverview />
        </Route>
        <Route path="/c/:cluster/images">
          <ImagesPage />
        </Route>
        <Route path="/c/:cluster/sync">
          <SyncPage />
        </Route>
        {(['events', 'map', 'metrics', 'forwards'] as const).map((id) => (
          <Route key={id} path={`/c/:cluster/${id}`}>
            <PanelPage id={id} />
          </Route>
        ))}
        <Route>
          <Empty title={t('nowhere')} />
        </Route>
      </Switch>
    </Suspense>
  );
}

/** A cluster that does not run, or soon will not, and the button that changes that; what was seen of it stays below. */
function Asleep() {
  const { t } = useI18n();
  const { name, cluster, resources } = useCluster();
  const deleting = useDeleting(name);
  const running = useHost((host) => host.operations).filter((one) => one.cluster === name && one.state === 'running');
  if (!cluster || !(deleting || isAsleep(cluster))) return null;
  const { state } = cluster;
  const action = state === 'paused' ? 'unpause' : 'start';
  const title = t('cluster.asleep', { name, state: t(deleting ? 'cluster.deleting' : `cluster.${state}`) });
  const button = running.length === 0 && state !== 'creating' && (
    <Button look="primary" onClick={() => attempt(() => clusterAction(name, { action }), t('started'))}>
      {t(`cluster.${action}`)}
    </Button>
  );
  const steps = running.map((operation) => <OperationView key={operation.id} operation={operation} />);
  if (resources.length === 0) return <Empty title={title} action={steps.length > 0 ? steps : button} />;
  return (
    <div className="note warn row asleep" role="status">
      <strong className="grow">{title}</strong>
      {button}
    </div>
  );
}

interface KindParams {
  group: string;
  version: string;
  resource: string;
}

function useKind({ group, version, resource }: KindParams) {
  const { find, resources } = useCluster();
  const found = find({ group: group === 'core' ? '' : group, resource });
  return { found: found && { ...found, version }, loading: resources.length === 0 };
}

function KindRoute(params: KindParams) {
  const { t } = useI18n();
  const { found, loading } = useKind(params);
  if (!found) return <Empty title={loading ? t('loading') : t('kind.unknown', { kind: params.resource })} />;
  return <ListPage key={longName(found)} resource={found} />;
}

function ObjectRoute(params: KindParams & { namespace: string; name: string }) {
  const { t } = useI18n();
  const { name: cluster } = useCluster();
  const { found, loading } = useKind(params);
  if (!found) return <Empty title={loading ? t('loading') : t('kind.unknown', { kind: params.resource })} />;
  const namespace = params.namespace === '_' ? '' : params.namespace;
  const name = decodeURIComponent(params.name);
  const { group, version, resource } = found;
  const target = { cluster, group, version, resource, namespace, name };
  return <DetailPage key={`${longName(found)}/${namespace}/${name}`} resource={found} target={target} />;
}
