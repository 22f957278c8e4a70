import { type FormEvent, useEffect, useState } from 'react';
import { Link } from 'wouter';
import { createCluster } from '../../api/agent';
import { NumberField } from '../../components/NumberField';
import { Button, Command, Failure } from '../../components/parts';
import { useI18n } from '../../i18n';
import { BOUNDS, type Numbers, upCommand, validClusterName, wrongNumber } from '../../kinds/clusters';
import { focus, OperationView } from '../../shell/Operations';
import { PageTitle } from '../../shell/PageTitle';
import { clusterHref, ROUTES, tourHref } from '../../shell/paths';
import { useHost, watchOperation } from '../../store/host';

const SORTS = ['masters', 'workers', 'simulated'] as const;

/** Makes a cluster: a form, the command that does the same, and then the steps as they happen. */
export function CreatePage() {
  const { t } = useI18n();
  const clusters = useHost((host) => host.clusters);
  const taken = (clusters ?? []).map((cluster) => cluster.name);
  const [typed, setTyped] = useState<string | null>(null);
  const name = typed ?? freeName(taken);
  const [numbers, setNumbers] = useState<Numbers>({ masters: 1, workers: 2, simulated: 0 });
  const [sample, setSample] = useState(false);
  const [operation, setOperation] = useState('');
  const [refusal, setRefusal] = useState('');
  // What failed or was cancelled may be tried again, under the same name or another.
  const state = useHost((host) => host.operations).find(({ id }) => id === operation)?.state;
  const busy = operation !== '' && state !== 'failed' && state !== 'cancelled';
  const bad = !validClusterName(name)
    ? t('create.badname')
    : taken.includes(name) && !operation
      ? t('create.taken')
      : '';
  const wrong = (of: keyof Numbers) => {
    const key = wrongNumber(of, numbers[of]);
    return key && t(key, BOUNDS[of]);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTyped(name);
    try {
      setOperation((await createCluster({ name, ...numbers, sample })).operation);
      setRefusal('');
    } catch (error) {
      setRefusal((error as Error).message);
    }
  };
  return (
    <main className="page narrow">
      <header className="page-head">
        <PageTitle>{t('cluster.create')}</PageTitle>
      </header>
      <form className="card body stack" noValidate onSubmit={submit}>
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
        <div className="numbers">
          {SORTS.map((of) => (
            <NumberField
              key={of}
              label={t(`create.${of}`)}
              value={numbers[of]}
              set={(value) => setNumbers((old) => ({ ...old, [of]: value }))}
              {...BOUNDS[of]}
              step={of === 'masters' ? 2 : 1}
              wrong={wrong(of)}
              disabled={busy}
            />
          ))}
        </div>
        {numbers.simulated > 0 && <p className="soft small">{t('create.simulated.help')}</p>}
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
          <Command text={upCommand(name, numbers, sample)} />
        </div>
        <Failure error={refusal} />
        {!busy && (
          <div className="row">
            <Button type="submit" look="primary" disabled={bad !== '' || SORTS.some(wrong)}>
              {t('cluster.create')}
            </Button>
            <Link href={ROUTES.clusters} className="button">
              {t('cancel')}
            </Link>
          </div>
        )}
      </form>
      <Progress id={operation} href={sample ? tourHref(name) : clusterHref(name)} name={name} />
    </main>
  );
}

/** The steps of an operation, and where to go when it is done. */
function Progress({ id, href, name }: { id: string; href: string; name: string }) {
  const { t } = useI18n();
  const operation = useHost((host) => host.operations).find((other) => other.id === id);
  useEffect(() => watchOperation(id), [id]);
  if (!operation) return null;
  return (
    <section key={id} ref={focus} tabIndex={-1} className="card body stack" aria-live="polite">
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
