import { Suspense, useRef } from 'react';
import { Link } from 'wouter';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { Age } from '../../components/Age';
import { Guard } from '../../components/Guard';
import { Staleness } from '../../components/Live';
import { lazily } from '../../components/lazily';
import { Menu } from '../../components/Menu';
import { Button, CopyButton, Empty } from '../../components/parts';
import { moveTab } from '../../components/tabs';
import { useI18n } from '../../i18n';
import { keyName } from '../../i18n/others';
import { type Action, type ActionId, actionsFor } from '../../kinds/actions';
import { plural, type Resource } from '../../kinds/discovery';
import { longName } from '../../kinds/sections';
import { actionEntries } from '../../shell/actionEntries';
import { useActionKeys } from '../../shell/keys';
import { PageTitle } from '../../shell/PageTitle';
import { useLinks, useParam } from '../../shell/paths';
import { useSubject } from '../../shell/subject';
import { useActions } from '../../shell/useActions';
import { useObject, useProblems } from '../../store/hooks';
import { PANEL } from '../../store/panelState';
import { ProblemCard } from '../ProblemCard';
import { Overview } from './Overview';
import { Stuck } from './Stuck';

const DetailPanel = lazily(() => import('./DetailPanel'));

export type TabId =
  | 'overview'
  | 'data'
  | 'rollout'
  | 'logs'
  | 'shell'
  | 'metrics'
  | 'files'
  | 'forwards'
  | 'events'
  | 'yaml';

const WORKLOAD: TabId[] = ['overview', 'rollout', 'logs', 'metrics', 'events', 'yaml'];
const TABS: Record<string, TabId[]> = {
  pods: ['overview', 'logs', 'shell', 'metrics', 'events', 'yaml'],
  'deployments.apps': WORKLOAD,
  'statefulsets.apps': WORKLOAD,
  'daemonsets.apps': WORKLOAD,
  'replicasets.apps': ['overview', 'logs', 'events', 'yaml'],
  'jobs.batch': ['overview', 'logs', 'events', 'yaml'],
  services: ['overview', 'forwards', 'logs', 'events', 'yaml'],
  secrets: ['data', 'overview', 'events', 'yaml'],
  configmaps: ['data', 'overview', 'events', 'yaml'],
  persistentvolumeclaims: ['overview', 'files', 'events', 'yaml'],
  persistentvolumes: ['overview', 'files', 'events', 'yaml'],
  nodes: ['overview', 'metrics', 'shell', 'events', 'yaml'],
};
const PLAIN: TabId[] = ['overview', 'events', 'yaml'];

/** One object: what it is, what belongs to it, and the panels of its kind, each a tab of the address. */
export function DetailPage({ resource, target }: { resource: Resource; target: ObjectRef }) {
  const { t } = useI18n();
  const state = useObject(target);
  const links = useLinks();
  const tabs = TABS[longName(resource)] ?? PLAIN;
  const [view, setView] = useParam('view', PANEL);
  const tab = tabs.find((id) => id === view) ?? tabs[0] ?? 'overview';
  const object = state.data;
  const last = useRef<KubeObject>(undefined);
  last.current = object ?? last.current;
  const shown = last.current;
  return (
    <main className="page detail">
      <nav className="crumbs soft small" aria-label={t('crumbs')}>
        <Link href={links.list(resource)}>{plural(resource)}</Link>
        {target.namespace && (
          <>
            {' / '}
            <Link href={links.list(resource, { ns: target.namespace })}>{target.namespace}</Link>
          </>
        )}
      </nav>
      <Head resource={resource} target={target} object={object ?? undefined} />
      <Staleness state={state} />
      <Problems target={target} uid={object?.metadata.uid} />
      {object && <Stuck object={object} target={target} />}
      {object === null && (
        <p className="note warn" role="status">
          {t(shown ? 'detail.gone' : 'detail.none', { name: target.name })}
        </p>
      )}
      <div role="tablist" aria-label={target.name} className="tabs" onKeyDown={moveTab}>
        {tabs.map((id) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tab-${id}`}
            aria-selected={id === tab}
            tabIndex={id === tab ? 0 : -1}
            aria-controls="detail-panel"
            onClick={() => setView(id === tabs[0] ? '' : id)}
          >
            {t(`tab.${id}`)}
          </button>
        ))}
      </div>
      <div
        role="tabpanel"
        id="detail-panel"
        aria-labelledby={`tab-${tab}`}
        className={tab === 'overview' ? 'tab-page' : 'tab-page filled'}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        <Guard key={tab}>
          {tab === 'overview' ? (
            shown ? (
              <Overview object={shown} target={target} />
            ) : (
              !state.loaded && !state.error && <Empty title={t('loading')} />
            )
          ) : (
            <Suspense fallback={<Empty title={t('loading')} />}>
              <DetailPanel tab={tab} target={target} object={object ?? undefined} />
            </Suspense>
          )}
        </Guard>
      </div>
    </main>
  );
}

/** What is wrong with the object, above whatever of it is shown. */
function Problems({ target, uid }: { target: ObjectRef; uid: string | undefined }) {
  const { t } = useI18n();
  const { cluster, namespace } = target;
  const { data } = useProblems(uid ? { cluster, namespaces: namespace ? [namespace] : [], uid } : null);
  const own = data.problems.filter((problem) => problem.uid === uid);
  if (own.length === 0) return null;
  return (
    <ul className="stack problems" aria-label={t('problems')}>
      {own.map((problem) => (
        <ProblemCard key={problem.why.text} problem={problem} own />
      ))}
    </ul>
  );
}

function Head({ resource, target, object }: { resource: Resource; target: ObjectRef; object: KubeObject | undefined }) {
  const i18n = useI18n();
  const { t } = i18n;
  const act = useActions();
  const actions = actionsFor(resource).filter(
    ({ id, when, usual }) => id !== 'copy' && (object && when ? when(object) : !when || usual),
  );
  // Of a node it is taking it out of the cluster: its object alone would be there again at once.
  const ending = actions.find(({ key }) => key === 'Delete');
  const others = actions.filter((action) => action !== ending);
  const buttons = others.filter(({ id }) => id !== 'command').slice(0, 4);
  const run = (id: ActionId, replicas?: string) => object && act(id, resource, [target], { replicas });
  useActionKeys(actions, run);
  useSubject(() => (object ? { refs: [target], actions, run } : null));
  const rest = others.filter((action) => !buttons.includes(action));
  return (
    <header className="page-head">
      <PageTitle className="cut">{target.name}</PageTitle>
      <CopyButton text={target.name} />
      <span className="chip">{resource.kind}</span>
      {object?.metadata.deletionTimestamp && <span className="chip bad">{t('deleting')}</span>}
      <span className="soft small head-age">{object && <Age since={object.metadata.creationTimestamp} />}</span>
      <span className="grow" />
      {buttons.map((action) => (
        <ActionButton key={action.id} action={action} disabled={!object} run={run} />
      ))}
      {rest.length > 0 && (
        <Menu
          trigger={<Button>{t('more')}</Button>}
          align="end"
          entries={actionEntries(rest, i18n, ({ id }) => run(id))}
        />
      )}
      {ending && <ActionButton action={ending} look="danger" disabled={!object} run={run} />}
    </header>
  );
}

interface ActionButtonProps {
  action: Action;
  look?: string;
  disabled: boolean;
  run: (id: ActionId) => void;
}

function ActionButton({ action: { id, icon: Icon, key }, look = '', disabled, run }: ActionButtonProps) {
  const { t } = useI18n();
  const label = t(`action.${id}`);
  return (
    <Button
      look={look}
      onClick={() => run(id)}
      disabled={disabled}
      aria-keyshortcuts={key}
      title={`${label} (${keyName(key, t)})`}
    >
      <Icon />
      <span className="label">{label}</span>
    </Button>
  );
}
