import { CircleCheck, Plus } from 'lucide-react';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { Staleness } from '../components/Live';
import { Button, Card, HealthMark } from '../components/parts';
import { useI18n } from '../i18n';
import { plural } from '../kinds/discovery';
import { longName } from '../kinds/sections';
import { useCluster, useKindCounts } from '../shell/cluster';
import { anything } from '../shell/dock';
import { PageTitle } from '../shell/PageTitle';
import { useLinks } from '../shell/paths';
import { useDock } from '../shell/useDock';
import { useProblems } from '../store/hooks';
import { ProblemCard } from './ProblemCard';
import { alike } from './problems';
import { TourOffer } from './Tour';

/** The cluster as a to-do list: what is wrong, why, and the button that mends it. Then what there is, in numbers. */
export function ClusterOverview() {
  const { t, tn } = useI18n();
  const { name } = useCluster();
  const { namespaces } = useLinks();
  const dock = useDock();
  const state = useProblems({ cluster: name, namespaces });
  const { problems: told, total } = state.data;
  const problems = useMemo(() => alike(told), [told]);
  return (
    <main className="page">
      <header className="page-head">
        <PageTitle>{t('overview')}</PageTitle>
        {!state.loaded && !state.error && (
          <span className="soft late" role="status">
            {t('loading')}
          </span>
        )}
        <span className="grow" />
        <Button onClick={() => dock.open('create', anything(namespaces[0]))}>
          <Plus />
          <span className="label">{t('create.any')}</span>
        </Button>
      </header>
      <Staleness state={state} />
      <TourOffer />
      <section aria-label={t('problems')} className="problems">
        {state.loaded && problems.length === 0 && (
          <div className="all-well">
            <CircleCheck aria-hidden />
            <div>
              <h2>{t('problems.none')}</h2>
              <p className="soft">{t('problems.none.text')}</p>
            </div>
          </div>
        )}
        {problems.length > 0 && <h2>{tn('problems', problems.length)}</h2>}
        <ul className="stack">
          {problems.map(([problem, ...others]) => (
            <ProblemCard key={`${problem.uid}${problem.why.text}`} problem={problem} others={others} />
          ))}
        </ul>
        {total > told.length && <p className="soft">{tn('others', total - told.length)}</p>}
      </section>
      <Inventory />
    </main>
  );
}

/** Kinds whose numbers say something at a glance. */
const TOLD = [
  'nodes',
  'pods',
  'deployments.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
  'services',
  'persistentvolumeclaims',
];

function Inventory() {
  const { t, number } = useI18n();
  const { resources } = useCluster();
  const counts = useKindCounts();
  const links = useLinks();
  const told = TOLD.flatMap((name) => {
    const resource = resources.find((other) => longName(other) === name);
    const count = counts.get(name);
    return resource && count ? [{ resource, count }] : [];
  });
  if (told.length === 0) return null;
  return (
    <Card title={t('inventory')}>
      <ul className="inventory">
        {told.map(({ resource, count }) => (
          <li key={longName(resource)}>
            <Link href={links.list(resource)}>
              <strong>{number(count.total)}</strong>
              <span className="cut">{plural(resource)}</span>
              <span className="row tight small">
                {(['bad', 'warn', 'ok'] as const).map(
                  (health) =>
                    count[health] > 0 && (
                      <HealthMark key={health} health={health}>
                        {number(count[health])}
                      </HealthMark>
                    ),
                )}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}
