import { FileDiff, FolderSync, Trash2, Undo2 } from 'lucide-react';
import { useEffect, useState } from 'react';
import { createSync, deleteSync, lookAtSync } from '../api/agent';
import type { FileFault, Health, Sync, WantedSync } from '../api/contract';
import { AddForm } from '../components/AddForm';
import { Age } from '../components/Age';
import { Dialog } from '../components/Dialog';
import { Button, Card, Choose, Command, Empty, Failure, HealthMark } from '../components/parts';
import { useI18n } from '../i18n';
import { useCluster } from '../shell/cluster';
import { ownFirst, useNamespaces } from '../shell/NamespaceFilter';
import { PageTitle } from '../shell/PageTitle';
import { useLinks, useParam } from '../shell/paths';
import { useHost } from '../store/host';
import { attempt, openDialog, toast } from '../store/ui';
import { faultText, KINDS, type SyncKind, sourcesOf, syncCommand, wantedSync } from './sync';

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
  const known = ownFirst(useNamespaces());
  const [path] = useParam('path');
  const [kind, setKind] = useState<SyncKind>('manifests');
  const [name, setName] = useState('');
  const [chosen, setNamespace] = useState('');
  const [options, setOptions] = useState({ prune: true, rollout: false });
  const namespace = chosen || (namespaces[0] ?? 'default');
  const wanted = (path: string) => wantedSync({ cluster, namespace, ...options }, kind, name, path);
  const look = (path: string) =>
    openDialog(
      <LookDialog
        look="diff"
        wanted={wanted(path)}
        confirm={{ label: t('sync.add'), run: () => createSync(wanted(path)) }}
      />,
    );
  return (
    <AddForm
      key={path}
      label={t('sync.path')}
      placeholder="/home/me/project/k8s"
      initial={path}
      icon={<FolderSync />}
      button={t('sync.add')}
      valid={(path) => path.startsWith('/') && (kind === 'manifests' || name !== '')}
      add={(path) => createSync(wanted(path))}
      beside={(path, valid) => (
        <Button disabled={!valid} onClick={() => look(path)}>
          <FileDiff />
          {t('sync.diff')}
        </Button>
      )}
      command={(path) => {
        const written = wantedSync({ cluster, namespace, ...options }, kind, name || 'NAME', path || 'DIR');
        return syncCommand(written);
      }}
      before={
        <>
          <Choose
            label={t('sync.kind')}
            value={kind}
            set={(kind) => setKind(kind as SyncKind)}
            options={KINDS.map((one) => [one, t(`sync.kind.${one}`)])}
          />
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
      below={
        <div className="stack tight">
          <div className="row tight">
            <span aria-hidden>{t('sync.namespace')}</span>
            <Choose
              label={t('sync.namespace')}
              value={namespace}
              set={setNamespace}
              options={[...new Set([namespace, ...known])].map((one) => [one, one])}
            />
          </div>
          {(['prune', 'rollout'] as const).map((option) => (
            <label key={option} className="check">
              <input
                type="checkbox"
                checked={options[option]}
                onChange={(event) => setOptions({ ...options, [option]: event.target.checked })}
              />
              {t(`sync.${option}`)}
            </label>
          ))}
        </div>
      }
    />
  );
}

const HEALTH: Record<Sync['state'], Health> = { waiting: 'warn', synced: 'ok', failing: 'bad' };

function SyncCard({ sync }: { sync: Sync }) {
  const { t, tn } = useI18n();
  const { id, state, applied, errors, last, namespace } = sync;
  const pull = async () => {
    const { changes, faults } = await lookAtSync('pull', sync);
    if (faults.length > 0) toast('bad', faults.map(faultText).join('; '));
    if (changes.length > 0 || faults.length === 0) toast('good', tn('sync.pulled', changes.length));
  };
  return (
    <Card
      title={<span className="mono">{sourcesOf(sync).join(', ')}</span>}
      actions={
        <div className="row">
          <Button onClick={() => openDialog(<LookDialog look="diff" wanted={sync} />)}>
            <FileDiff />
            {t('sync.diff')}
          </Button>
          <Button
            onClick={() =>
              openDialog(<LookDialog look="preview" wanted={sync} confirm={{ label: t('sync.write'), run: pull }} />)
            }
          >
            <Undo2 />
            {t('sync.pull')}
          </Button>
          <Button look="danger" onClick={() => attempt(() => deleteSync(id))}>
            <Trash2 />
            {t('sync.stop')}
          </Button>
        </div>
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
        <Faults faults={errors} />
      </div>
    </Card>
  );
}

interface LookProps {
  look: 'diff' | 'preview';
  wanted: WantedSync;
  /** What can be done once it was looked at. */
  confirm?: { label: string; run: () => Promise<unknown> };
}

/** What would change before it does: in the cluster, or in the files. */
function LookDialog({ look, wanted, confirm }: LookProps) {
  const { t } = useI18n();
  const [found, setFound] = useState<{ changes: string[]; faults: FileFault[] } | null>(null);
  const [error, setError] = useState('');
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is looked at once, when it was asked for.
  useEffect(() => {
    let current = true;
    lookAtSync(look, wanted).then(
      (looked) => current && setFound(looked),
      (cause: Error) => current && setError(cause.message),
    );
    return () => {
      current = false;
    };
  }, []);
  const nothing = look === 'preview' && found?.changes.length === 0;
  return (
    <Dialog
      wide
      title={t(`sync.${look}.title`)}
      description={t(`sync.${look}.text`)}
      {...(confirm ? { confirm: { ...confirm, disabled: found === null || nothing } } : {})}
    >
      <Failure error={error} />
      {found === null && !error && <p role="status">{t('loading')}</p>}
      {found && (
        <>
          <Faults faults={found.faults} />
          {found.changes.map((change) => (
            <DiffText key={change} text={change} />
          ))}
          {found.changes.length === 0 && <p role="status">{t('sync.same')}</p>}
        </>
      )}
      <Command text={syncCommand(wanted, look === 'diff' ? '--diff' : '--pull')} />
    </Dialog>
  );
}

function Faults({ faults }: { faults: FileFault[] }) {
  return faults.map((fault) => (
    <p key={faultText(fault)} className="note bad" role="alert">
      {faultText(fault)}
    </p>
  ));
}

const LOOKS: Record<string, string> = { '+': 'added', '-': 'removed', '@': 'faint' };

/** A difference as `diff -u` writes it: the signs say what the colours do. */
function DiffText({ text }: { text: string }) {
  let place = 0;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <pre className="changes" tabIndex={0}>
      {text
        .trimEnd()
        .split('\n')
        .map((line) => {
          place += line.length + 1;
          const head = line.startsWith('+++') || line.startsWith('---');
          return (
            <span key={place} className={head ? 'head' : LOOKS[line[0] ?? '']}>
              {line}
            </span>
          );
        })}
    </pre>
  );
}
