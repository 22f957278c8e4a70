import { FolderSync, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { createSync, deleteSync } from '../api/agent';
import type { Health, Sync } from '../api/contract';
import { AddForm } from '../components/AddForm';
import { Age } from '../components/Age';
import { Button, Card, Empty, HealthMark } from '../components/parts';
import { useI18n } from '../i18n';
import { useCluster } from '../shell/cluster';
import { PageTitle } from '../shell/PageTitle';
import { useLinks } from '../shell/paths';
import { useHost } from '../store/host';
import { attempt } from '../store/ui';

/** What the files of a sync are: manifests, or the keys of one object. */
const KINDS = ['manifests', 'configmap', 'secret'] as const;

/** Folders that the agent applies at every save. */
export function SyncPage() {
  const { t } = useI18n();
  const { name } = useCluster();
  const syncs = useHost((host) => host.syncs).filter((sync) => sync.cluster === name);
  return (
    <main className="page narrow">
      <header className="page-head">
        <PageTitle>{t('page.sync')}</PageTitle>
      </header>
      <p className="soft">{t('sync.text')}</p>
      <NewSync cluster={name} />
      {syncs.length === 0 && <Empty title={t('sync.none')} />}
      {syncs.map((sync) => (
        <SyncCard key={sync.id} sync={sync} />
      ))}
    </main>
  );
}

function NewSync({ cluster }: { cluster: string }) {
  const { t } = useI18n();
  const { namespaces } = useLinks();
  const namespace = namespaces[0] ?? 'default';
  const [kind, setKind] = useState<(typeof KINDS)[number]>('manifests');
  const [name, setName] = useState('');
  const [options, setOptions] = useState({ prune: true, rollout: false });
  const add = (path: string) => {
    const what = {
      manifests: { paths: [path] },
      configmap: { configMaps: [[name, path]] },
      secret: { secrets: [[name, path]] },
    };
    return createSync({ cluster, namespace, ...options, ...(what[kind] as object) });
  };
  const command = (path: string) => {
    const what = kind === 'manifests' ? path || 'DIR' : `--${kind} ${name || 'NAME'}=${path || 'DIR'}`;
    const flags = `${options.prune ? '' : ' --no-prune'}${options.rollout ? ' --rollout' : ''}`;
    return `devcluster sync --name ${cluster} --namespace ${namespace} ${what}${flags}`;
  };
  return (
    <AddForm
      label={t('sync.path')}
      placeholder="/home/me/project/k8s"
      icon={<FolderSync />}
      button={t('sync.add')}
      valid={(path) => path.startsWith('/') && (kind === 'manifests' || name !== '')}
      add={add}
      command={command}
      before={
        <>
          <select
            className="input"
            aria-label={t('sync.kind')}
            value={kind}
            onChange={(event) => setKind(event.target.value as typeof kind)}
          >
            {KINDS.map((one) => (
              <option key={one} value={one}>
                {t(`sync.kind.${one}`)}
              </option>
            ))}
          </select>
          {kind !== 'manifests' && (
            <input
              className="input mono"
              aria-label={t('name')}
              placeholder={t('name')}
              value={name}
              onChange={(event) => setName(event.target.value.trim())}
            />
          )}
        </>
      }
      below={(['prune', 'rollout'] as const).map((option) => (
        <label key={option} className="check">
          <input
            type="checkbox"
            checked={options[option]}
            onChange={(event) => setOptions({ ...options, [option]: event.target.checked })}
          />
          {t(`sync.${option}`)}
        </label>
      ))}
    />
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
            {file && (
              <code>
                {file}:{line}
              </code>
            )}{' '}
            {message}
          </p>
        ))}
      </div>
    </Card>
  );
}
