import { useI18n } from '../../i18n';
import { Failure, Panel } from '../parts';
import { Terminal } from './Terminal';
import { useToolPod } from './useToolPod';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const LOGIN = ['/usr/bin/env', 'TERM=xterm-256color', 'HOME=/root', PATH, '/bin/bash', '-l'];

/** A root shell on a node, through a pod with the node's folders that lives as long as the panel. */
export default function NodeConsole({ cluster, node }: { cluster: string; node: string }) {
  const { t } = useI18n();
  const { place, error } = useToolPod(cluster, 'kube-system', { node, pinned: true });
  const label = t('panel.shell.node', { node });
  if (place === null) {
    return (
      <Panel label={label} notes={<Failure error={error} />}>
        {error === '' && (
          <p className="empty" role="status">
            {t('panel.shell.connecting')}
          </p>
        )}
      </Panel>
    );
  }
  return <Terminal label={label} place={place} command={LOGIN} bar={<h2>{label}</h2>} />;
}
