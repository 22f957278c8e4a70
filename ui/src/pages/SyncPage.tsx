import { FolderSync, Trash2 } from 'lucide-react';
import { createSync, deleteSync } from '../api/agent';
import type { Health, Sync } from '../api/contract';
import { AddForm } from '../components/AddForm';
import { Age } from '../components/Age';
import { Button, Card, Empty, HealthMark } from '../components/parts';
import { useI18n } from '../i18n';
import { useCluster } from '../shell/cluster';
import { useLinks } from '../shell/paths';
import { useHost } from '../store/host';
import { attempt } from '../store/ui';

/** Folders of YAML that the agent applies at every save. */
export function SyncPage() {
  const { t } = useI18n();
  const { name } = useCluster();
  const { namespaces } = useLinks();
  const syncs = useHost((host) => host.syncs).filter((sync) => sync.cluster === name);
  return (
    <main className="page narrow">
      <header className="page-head">
        <h1>{t('page.sync')}</h1>
      </header>
      <p className="soft">{t('sync.text')}</p>
      <AddForm
        label={t('sync.path')}
        placeholder="/home/me/project/k8s"
        icon={<FolderSync />}
        button={t('sync.add')}
        valid={(path) => path.startsWith('/')}
        add={(path) => createSync({ cluster: name, namespace: namespaces[0] ?? 'default', paths: [path] })}
        command={(path) => `devcluster sync --name ${name} ${path || 'DIR'}`}
      />
      {syncs.length === 0 && <Empty title={t('sync.none')} />}
      {syncs.map((sync) => (
        <SyncCard key={sync.id} sync={sync} />
      ))}
    </main>
  );
}

const HEALTH: Record<Sync['state'], Health> = { waiting: 'warn', synced: 'ok', failing: 'bad' };

function SyncCard({ sync: { id, paths, state, applied, errors, last, namespace } }: { sync: Sync }) {
  const { t, tn } = useI18n();
  return (
    <Card
      title={<span className="mono">{paths.join(', ')}</span>}
      actions={
        <Button look="danger" onClick={() => attempt(() => deleteSync(id))}>
          <Trash2 />
          {t('sync.stop')}
        </Button>
      }
    >
      <div className="body stack">
        <p className="row">
          <HealthMark health={HEALTH[state]}>{t(`sync.${state}`)}</HealthMark>
          <span className="chip">{namespace}</span>
          <span>{tn('sync.applied', applied)}</span>
          {last && (
            <span className="soft">
              <Age since={last} />
            </span>
          )}
        </p>
        {errors.map(({ file, line, message }) => (
          <p key={`${file}:${line}:${message}`} className="note bad" role="alert">
            <code>
              {file}:{line}
            </code>{' '}
            {message}
          </p>
        ))}
      </div>
    </Card>
  );
}
