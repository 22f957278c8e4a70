import type { ObjectRef } from '../api/contract';
import { Empty, Failure } from '../components/parts';
import { useI18n } from '../i18n';
import { podSelector, podSpec } from '../kinds/read';
import { longName } from '../kinds/sections';
import { template } from '../kinds/templates';
import { CreateEditor, ForwardsPanel, LogsPanel, NodeConsole, ReplaceEditor, ShellPanel, YamlEditor } from '../panels';
import { useObject } from '../store/hooks';
import { toast } from '../store/ui';
import { useCluster } from './cluster';
import { anything, type DockKind } from './dock';
import { useLinks } from './paths';

interface Props {
  kind: DockKind;
  target: ObjectRef;
  onClose: () => void;
}

/** What a tab of the dock shows. */
export default function DockPanel({ kind, target, onClose }: Props) {
  const { t } = useI18n();
  const { find, cluster: known } = useCluster();
  const links = useLinks();
  const { cluster, namespace, name, resource } = target;
  switch (kind) {
    case 'logs':
    case 'previous':
      return <Logs target={target} previous={kind === 'previous'} />;
    case 'shell':
      return resource === 'nodes' ? (
        <NodeConsole cluster={cluster} node={name} />
      ) : (
        <ShellPanel cluster={cluster} namespace={namespace} pod={name} />
      );
    case 'edit':
      return <YamlEditor target={target} docked />;
    case 'replace':
      return (
        <ReplaceEditor
          target={target}
          onSaved={() => {
            toast('good', t('replace.done', { name }));
            onClose();
          }}
        />
      );
    case 'forward':
      return (
        <ForwardsPanel
          cluster={cluster}
          namespace={namespace}
          target={`${resource.slice(0, -1)}/${name}`}
          href={links.object}
        />
      );
    case 'create': {
      const found = find(target);
      const any = resource === anything().resource;
      if (!found && !any) return <Empty title={t('loading')} />;
      const named = found && name !== found.kind ? name : '';
      const done = () => {
        toast('good', t('create.done'));
        onClose();
      };
      return (
        <CreateEditor
          cluster={cluster}
          namespace={namespace || 'default'}
          draft={[known?.uid || cluster, found ? longName(found) : resource, named].join(' ')}
          initial={found ? template(found, namespace, named || undefined) : ''}
          onSaved={done}
        />
      );
    }
  }
}

/** The logs of a pod, or of the pods that a workload or service selects. */
export function Logs({ target, previous = false }: { target: ObjectRef; previous?: boolean }) {
  const { t } = useI18n();
  const { cluster, namespace, name, resource } = target;
  const { data: object, error } = useObject(target);
  const { initContainers = [], containers = [], ephemeralContainers = [] } = (object && podSpec(object)) ?? {};
  const names = [...containers, ...initContainers, ...ephemeralContainers].map((container) => container.name);
  const of = { cluster, namespace, containers: names };
  // The name alone says what to read.
  if (resource === 'pods') return <LogsPanel {...of} pods={[name]} previous={previous} />;
  if (!object) return error ? <Failure error={error} /> : <Empty title={t('loading')} />;
  const selector = podSelector(object);
  if (!selector) return <Empty title={t('logs.noselector')} />;
  return <LogsPanel {...of} selector={selector} />;
}
