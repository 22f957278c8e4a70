import { useI18n } from '../../i18n';
import { Failure, Panel } from '../parts';
import { Terminal } from './Terminal';
import { useToolPod } from './useToolPod';

/** A root shell on a node, through a privileged pod that lives as long as the panel. */
export default function NodeConsole({ cluster, node }: { cluster: string; node: string }) {
  const { t } = useI18n();
  const { place, enter, error } = useToolPod(cluster, 'kube-system', { node });
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
  const command = [
    ...enter,
    '/usr/bin/env',
    'TERM=xterm-256color',
    'HOME=/root',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    '/bin/bash',
    '-l',
  ];
  return <Terminal label={label} place={place} command={command} bar={<h2>{label}</h2>} />;
}
