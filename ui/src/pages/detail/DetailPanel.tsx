import { useLocation } from 'wouter';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { Empty } from '../../components/parts';
import { useI18n } from '../../i18n';
import { PODS } from '../../kinds/gvrs';
import { eventSelector, podSelector } from '../../kinds/read';
import {
  ConfigMapEditor,
  EventsTimeline,
  ForwardsPanel,
  MetricsPanel,
  NodeConsole,
  RolloutPanel,
  SecretEditor,
  ShellPanel,
  VolumeBrowser,
  YamlEditor,
} from '../../panels';
import type { Parts } from '../../panels/events/useMarks';
import { useCluster } from '../../shell/cluster';
import { Logs } from '../../shell/DockPanel';
import { useLinks } from '../../shell/paths';
import { useDock } from '../../shell/useDock';
import { useList, useListState } from '../../store/hooks';
import { listSpec } from '../../store/specs';
import type { TabId } from './DetailPage';

interface Props {
  tab: TabId;
  target: ObjectRef;
  object: KubeObject | undefined;
}

/** The panel of a tab. */
export default function DetailPanel({ tab, target, object }: Props) {
  const { t } = useI18n();
  const { refTo } = useCluster();
  const dock = useDock();
  const links = useLinks();
  const [, navigate] = useLocation();
  const open = (ref: ObjectRef) => navigate(links.object(ref));
  const { cluster, namespace, name, resource } = target;
  switch (tab) {
    case 'data':
      return resource === 'secrets' ? (
        <SecretEditor cluster={cluster} namespace={namespace} name={name} />
      ) : (
        <ConfigMapEditor
          cluster={cluster}
          namespace={namespace}
          name={name}
          href={(pod) => links.object({ ...PODS, namespace, name: pod })}
        />
      );
    case 'rollout':
      return <RolloutPanel target={target} />;
    case 'logs':
      return <Logs target={target} />;
    case 'shell':
      return resource === 'nodes' ? (
        <NodeConsole cluster={cluster} node={name} />
      ) : (
        <ShellPanel cluster={cluster} namespace={namespace} pod={name} />
      );
    case 'metrics':
      if (resource === 'nodes') return <MetricsPanel cluster={cluster} scope={{ nodes: [name] }} />;
      if (resource === 'pods') return <MetricsPanel cluster={cluster} scope={{ namespace, pods: [name] }} />;
      return object ? <WorkloadMetrics object={object} target={target} /> : null;
    case 'files': {
      const claim = resource === 'persistentvolumes' ? object?.spec?.claimRef : target;
      if (!claim) return <Empty title={t('panel.volume.unclaimed')} />;
      return <VolumeBrowser cluster={cluster} namespace={claim.namespace} claim={claim.name} />;
    }
    case 'forwards':
      return <ForwardsPanel cluster={cluster} namespace={namespace} target={`service/${name}`} href={links.object} />;
    case 'events': {
      if (!object) return null;
      const involved = eventSelector(object);
      return (
        <EventsTimeline
          cluster={cluster}
          namespaces={namespace ? [namespace] : []}
          involved={involved}
          parts={partsOf(object)}
          refTo={refTo}
          onOpen={open}
          onLogs={(ref, at) => dock.open('logs', ref, `at=${at}`)}
        />
      );
    }
    case 'yaml':
      return <YamlEditor target={target} />;
    case 'overview':
      return null;
  }
}

/** What has rollouts or restarts of its own. */
function partsOf(object: KubeObject): Parts | undefined {
  if (object.kind === 'Pod') return { owner: 'nobody', fieldSelector: `metadata.name=${object.metadata.name}` };
  const labelSelector = podSelector(object);
  return labelSelector ? { owner: object.metadata.uid ?? '', labelSelector } : undefined;
}

/** What a workload's pods use, those that come included. */
function WorkloadMetrics({ object, target: { cluster, namespace } }: { object: KubeObject; target: ObjectRef }) {
  const view = useList(
    listSpec(cluster, PODS, { namespaces: [namespace], labelSelector: podSelector(object), limit: 1000 }),
  );
  const { data, loaded } = useListState(view);
  if (!loaded) return null;
  const pods = data.order.flatMap((uid) => view.row(uid)?.name ?? []);
  return <MetricsPanel cluster={cluster} scope={{ namespace, pods }} />;
}
