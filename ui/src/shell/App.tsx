import { Suspense, useEffect, useRef } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import type { Session } from '../api/session';
import { Guard } from '../components/Guard';
import { lazily } from '../components/lazily';
import { Command, Empty } from '../components/parts';
import { SkipLink } from '../components/SkipLink';
import { useI18n } from '../i18n';
import { ClustersPage } from '../pages/clusters/ClustersPage';
import { CreatePage } from '../pages/clusters/CreatePage';
import { useUi } from '../store/ui';
import { Address } from './Address';
import { ClusterFrame } from './ClusterFrame';
import { ClusterProvider } from './cluster';
import { Header } from './Header';
import { takeKeys, useHostKeys } from './keys';
import { PaletteLayer } from './PaletteLayer';
import { ROUTES, useClusterName } from './paths';
import { Toasts } from './Toasts';

const Help = lazily(() => import('./Help'));

export function App({ session }: { session: Session }) {
  if (session.state !== 'open') return <NoSession state={session.state} />;
  return (
    <Address>
      <Switch>
        <Route path={ROUTES.cluster}>
          <OneCluster />
        </Route>
        <Route>
          <Host />
        </Route>
      </Switch>
      <Layers />
    </Address>
  );
}

function OneCluster() {
  const name = useClusterName();
  return (
    <ClusterProvider key={name}>
      <ClusterFrame />
    </ClusterProvider>
  );
}

/** The pages about the machine's clusters. */
function Host() {
  useHostKeys();
  return (
    <div className="frame host">
      <SkipLink />
      <Header />
      <div className="main" id="page" tabIndex={-1}>
        <Guarded>
          <Switch>
            <Route path={ROUTES.create}>
              <CreatePage />
            </Route>
            <Route>
              <ClustersPage />
            </Route>
          </Switch>
        </Guarded>
      </div>
      <PaletteLayer />
    </div>
  );
}

/** What lies above the pages. */
function Layers() {
  const dialog = useUi((ui) => ui.dialog);
  const help = useUi((ui) => ui.help);
  return (
    <>
      {dialog}
      {help && (
        <Suspense fallback={null}>
          <Help />
        </Suspense>
      )}
      <Toasts />
    </>
  );
}

/** Gives the next page the keyboard's place when the last one has taken it away, once whoever shares it is done. */
function useKeysFollow(location: string) {
  const last = useRef(location);
  useEffect(() => {
    if (location === last.current) return;
    last.current = location;
    const frame = requestAnimationFrame(() => {
      if (document.activeElement === document.body) takeKeys(document.getElementById('page'));
    });
    return () => cancelAnimationFrame(frame);
  }, [location]);
}

/** Keeps a page's failure to itself; another page starts afresh. */
export function Guarded({ children }: { children: React.ReactNode }) {
  const [location] = useLocation();
  useKeysFollow(location);
  return <Guard key={location}>{children}</Guard>;
}

function NoSession({ state }: { state: 'closed' | 'unreachable' }) {
  const { t } = useI18n();
  return (
    <main>
      <Empty title={t(`session.${state}.title`)} action={<Command text="devcluster dashboard" />}>
        {t(`session.${state}.text`)}
      </Empty>
    </main>
  );
}
