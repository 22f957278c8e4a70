import type { ObjectRef } from '../../api/contract';
import { NodeConsole, ShellPanel, YamlEditor } from '../../panels';
import { Logs } from '../../shell/DockPanel';
import type { TabId } from './DetailPage';

interface Props {
  tab: TabId;
  target: ObjectRef;
}

/** The panel of a tab. */
export default function DetailPanel({ tab, target }: Props) {
  const { cluster, namespace, name, resource } = target;
  switch (tab) {
    case 'logs':
      return <Logs target={target} />;
    case 'shell':
      return resource === 'nodes' ? (
        <NodeConsole cluster={cluster} node={name} />
      ) : (
        <ShellPanel cluster={cluster} namespace={namespace} pod={name} />
      );
    case 'yaml':
      return <YamlEditor target={target} />;
    case 'overview':
      return null;
  }
}
