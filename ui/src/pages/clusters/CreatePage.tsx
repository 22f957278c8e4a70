import { type FormEvent, useState } from 'react';
import { Link } from 'wouter';
import { createCluster } from '../../api/agent';
import { Button, Command } from '../../components/parts';
import { useI18n } from '../../i18n';
import { upCommand, validClusterName } from '../../kinds/clusters';
import { OperationView } from '../../shell/Operations';
import { PageTitle } from '../../shell/PageTitle';
import { clusterHref, ROUTES } from '../../shell/paths';
import { useHost } from '../../store/host';
import { attempt } from '../../store/ui';

/** Makes a cluster: a form, the command that does the same, and then the steps as they happen. */
export function CreatePage() {
  const { t } = useI18n();
  const clusters = useHost((host) => host.clusters);
  const taken = (clusters ?? []).map((cluster) => cluster.name);
  const [typed, setTyped] = useState<string | null>(null);
  const name = typed ?? freeName(taken);
  const [masters, setMasters] = useState(1);
  const [workers, setWorkers] = useState(2);
  const [sample, setSample] = useState(false);
  const [operation, setOperation] = useState('');
  // What failed or was cancelled may be tried again, under the same name or another.
  const state = useHost((host) => host.operations).find(({ id }) => id === operation)?.state;
  const busy = operation !== '' && state !== 'failed' && state !== 'cancelled';
  const bad = !validClusterName(name)
    ? t('create.badname')
    : taken.includes(name) && !operation
      ? t('create.taken')
      : '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void attempt(async () => {
      setTyped(name);
      setOperation((await createCluster({ name, masters, workers, sample })).operation);
    });
  };
  return (
    <main className="page narrow">
      <header className="page-head">
        <PageTitle>{t('cluster.create')}</PageTitle>
      </header>
      <form className="card body stack" onSubmit={submit}>
        <label className="field">
          <span>{t('name')}</span>
          <input
            className="input"
            value={name}
            onChange={(event) => setTyped(event.target.value)}
            aria-invalid={bad !== ''}
            aria-describedby="name-help"
            disabled={busy}
          />
          <span id="name-help" className="bad">
            {bad}
          </span>
        </label>
        <div className="row">
          <Amount label={t('create.masters')} value={masters} set={setMasters} min={1} disabled={busy} />
          <Amount label={t('create.workers')} value={workers} set={setWorkers} min={0} disabled={busy} />
        </div>
        <label className="check">
          <input
            type="checkbox"
            checked={sample}
            disabled={busy}
            onChange={(event) => setSample(event.target.checked)}
          />
          {t('cluster.demo')}
        </label>
        <div className="field">
          <span>{t('create.same')}</span>
          <Command text={upCommand(name, masters, workers, sample)} />
        </div>
        {!busy && (
          <div className="row">
            <Button type="submit" look="primary" disabled={bad !== ''}>
              {t('cluster.create')}
            </Button>
            <Link href={ROUTES.clusters} className="button">
              {t('cancel')}
            </Link>
          </div>
        )}
      </form>
      <Progress id={operation} href={`${clusterHref(name)}${sample ? '?tour=1' : ''}`} name={name} />
    </main>
  );
}

interface AmountProps {
  label: string;
  value: number;
  set: (value: number) => void;
  min: number;
  disabled: boolean;
}

function Amount({ label, value, set, min, disabled }: AmountProps) {
  return (
    <label className="field">
      <span>{label}</span>
      <input
        className="input"
        type="number"
        min={min}
        max={100}
        value={value}
        disabled={disabled}
        onChange={(event) => set(Math.max(min, Math.floor(Number(event.target.value))))}
      />
    </label>
  );
}

/** The steps of an operation, and where to go when it is done. */
function Progress({ id, href, name }: { id: string; href: string; name: string }) {
  const { t } = useI18n();
  const operation = useHost((host) => host.operations).find((other) => other.id === id);
  if (!operation) return null;
  return (
    <section className="card body stack" aria-live="polite">
      <OperationView operation={operation} />
      {operation.state === 'done' && (
        <Link href={href} className="button primary">
          {t('create.open', { name })}
        </Link>
      )}
    </section>
  );
}

function freeName(taken: string[]): string {
  if (!taken.includes('dev')) return 'dev';
  let number = 2;
  while (taken.includes(`dev${number}`)) number++;
  return `dev${number}`;
}
