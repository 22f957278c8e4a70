import { CirclePlay, Plus, PowerOff, Trash2 } from 'lucide-react';
import { Link, useLocation } from 'wouter';
import { clusterAction } from '../../api/agent';
import type { Cluster, ClusterNode, Health, Operation } from '../../api/contract';
import { Menu, type MenuEntry } from '../../components/Menu';
import { Button, CopyButton, Empty, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { clusterHealth, contextCommand, isAsleep } from '../../kinds/clusters';
import { NODES } from '../../kinds/gvrs';
import { NodeDialog } from '../../shell/NodeDialog';
import { OperationView } from '../../shell/Operations';
import { PageTitle } from '../../shell/PageTitle';
import { clusterHref, ROUTES } from '../../shell/paths';
import { useClusterActions } from '../../shell/useClusterActions';
import { useList, useListState } from '../../store/hooks';
import { useDeleting, useHost } from '../../store/host';
import { listSpec } from '../../store/specs';
import { attempt, openDialog } from '../../store/ui';
import { FirstRun, useFirstRun } from './FirstRun';

export function ClustersPage() {
  const { t } = useI18n();
  const clusters = useHost((host) => host.clusters);
  const running = useHost((host) => host.operations).filter((operation) => operation.state === 'running');
  const homeless = running.filter((operation) => !clusters?.some((cluster) => cluster.name === operation.cluster));
  const first = useFirstRun();
  if (clusters === null) return <Empty title={t('loading')} />;
  if (clusters.length === 0 || first) return <FirstRun />;
  return (
    <main className="page narrow">
      <header className="page-head">
        <PageTitle>{t('clusters')}</PageTitle>
        <span className="grow" />
        <Link href={ROUTES.create} className="button primary">
          <Plus />
          {t('cluster.create')}
        </Link>
      </header>
      {homeless.map((operation) => (
        <div key={operation.id} className="card body">
          <OperationView operation={operation} />
        </div>
      ))}
      <ul className="stack">
        {clusters.map((cluster) => (
          <ClusterCard
            key={cluster.name}
            cluster={cluster}
            running={running.filter((operation) => operation.cluster === cluster.name)}
          />
        ))}
      </ul>
    </main>
  );
}

/** A cluster with what is being done to it: no message need say that it was begun. */
function ClusterCard({ cluster, running }: { cluster: Cluster; running: Operation[] }) {
  const { t, tn } = useI18n();
  const [, navigate] = useLocation();
  const { name, state, nodes, server } = cluster;
  const deleting = useDeleting(name);
  const live = !deleting && (state === 'running' || state === 'partial');
  const actions = useClusterActions()(cluster);
  const simulated = useSimulated(cluster);
  // What brings it back has a button of its own.
  const back = actions.find(({ id }) => id === 'start' || id === 'unpause');
  return (
    <li className="card cluster" aria-label={name}>
      <header>
        <h2 className="row">
          <HealthMark health={deleting ? 'done' : clusterHealth(state)} />
          {live ? <Link href={clusterHref(name)}>{name}</Link> : name}
          <span className="chip">{t(deleting ? 'cluster.deleting' : `cluster.${state}`)}</span>
        </h2>
        {back && (
          <Button onClick={back.run}>
            {back.icon}
            {back.label}
          </Button>
        )}
        {live && (
          <Button onClick={() => navigate(clusterHref(name))} look="primary">
            {t('open')}
          </Button>
        )}
        {!deleting && (
          <Menu
            trigger={<Button aria-label={t('actions.of', { name })}>{t('actions')}</Button>}
            entries={actions.filter((action) => action !== back)}
            align="end"
          />
        )}
      </header>
      {running.map((operation) => (
        <div key={operation.id} className="body">
          <OperationView operation={operation} />
        </div>
      ))}
      <ul className="nodes">
        {nodes.map((node) => (
          <NodeTile key={node.name} cluster={cluster} node={node} />
        ))}
      </ul>
      <div className="foot soft small row">
        <span className="grow">
          {tn('nodes', nodes.length)}
          {simulated > 0 && <> · {tn('nodes.simulated', simulated)}</>}
          {server && <> · {server}</>}
        </span>
        {live && (
          <>
            <code>{contextCommand(name)}</code>
            <CopyButton text={contextCommand(name)} />
          </>
        )}
      </div>
    </li>
  );
}

/** How many nodes it has without machines: only the cluster itself knows them. */
function useSimulated(cluster: Cluster): number {
  const spec = listSpec(cluster.name, NODES, { labelSelector: 'devcluster.io/simulated', limit: 1 });
  return useListState(useList(isAsleep(cluster) ? null : spec)).data.total;
}

/** A node that is off is bad news only in a cluster that runs. */
function nodeHealth(node: ClusterNode, cluster: Cluster): Health {
  if (node.state === 'running') return 'ok';
  return cluster.state === 'running' || cluster.state === 'partial' ? 'bad' : 'done';
}

function NodeTile({ cluster, node }: { cluster: Cluster; node: ClusterNode }) {
  const { t } = useI18n();
  const start = () => void attempt(() => clusterAction(cluster.name, { action: 'start-node', node: node.name }));
  const ask = (action: 'stop' | 'kill' | 'remove') => () =>
    openDialog(<NodeDialog node={{ cluster: cluster.name, name: node.name }} action={action} />);
  const running = node.state === 'running';
  const workers = cluster.nodes.filter(({ role }) => role === 'worker').length;
  const entries: MenuEntry[] = [
    running
      ? { id: 'stop', label: t('node.stop'), icon: <PowerOff />, run: ask('stop') }
      : {
          id: 'start',
          label: t('node.start'),
          icon: <CirclePlay />,
          run: start,
        },
    ...(running
      ? [
          {
            id: 'kill',
            label: t('action.kill'),
            icon: <PowerOff />,
            danger: true,
            run: ask('kill'),
          },
        ]
      : []),
    ...(node.role === 'worker' && workers > 1
      ? [
          {
            id: 'remove',
            label: t('node.remove'),
            icon: <Trash2 />,
            danger: true,
            run: ask('remove'),
          },
        ]
      : []),
  ];
  return (
    <li>
      <Menu
        entries={entries}
        trigger={
          <button type="button" className="node">
            <HealthMark health={nodeHealth(node, cluster)}>
              <strong>{node.name}</strong>
            </HealthMark>
            <span className="soft small">{t(`role.${node.role}`)}</span>
            <span className="faint small mono">{node.address}</span>
          </button>
        }
      />
    </li>
  );
}
