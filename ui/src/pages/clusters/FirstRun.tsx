import { Rocket } from 'lucide-react';
import { useEffect } from 'react';
import { Link, useLocation } from 'wouter';
import { createCluster } from '../../api/agent';
import type { Operation } from '../../api/contract';
import { Button, Command } from '../../components/parts';
import { useI18n } from '../../i18n';
import { focus, OperationView } from '../../shell/Operations';
import { PageTitle } from '../../shell/PageTitle';
import { ROUTES, tourHref, useParam } from '../../shell/paths';
import { useHost, watchOperation } from '../../store/host';
import { attempt } from '../../store/ui';

const NAME = 'dev';

/**
 * The operation of the first run. Its name is in the address, so that it stays in sight when the new cluster appears in
 * the list, and after a reload.
 */
export function useFirstRun(): Operation | undefined {
  const [id] = useParam('first');
  return useHost((host) => host.operations).find((other) => other.id === id && other.action === 'create');
}

/** From nothing to a running sample in one click; then the tour begins on it. */
export function FirstRun() {
  const { t } = useI18n();
  const [, navigate] = useLocation();
  const [, setFirst] = useParam('first');
  const operation = useFirstRun();
  const id = operation?.id ?? '';
  useEffect(() => watchOperation(id), [id]);
  const ready = operation?.state === 'done' ? operation.cluster : '';
  useEffect(() => {
    if (ready) navigate(tourHref(ready), { replace: true });
  }, [ready, navigate]);
  const start = () =>
    attempt(async () =>
      setFirst((await createCluster({ name: NAME, masters: 1, workers: 2, simulated: 0, sample: true })).operation),
    );
  const ended = operation?.state === 'failed' || operation?.state === 'cancelled';
  return (
    <main className="page narrow first-run">
      <img src="/icon.svg" alt="" width="64" height="64" />
      <PageTitle>{t('first.title')}</PageTitle>
      <p className="soft">{t('first.text')}</p>
      {operation && (
        <div key={id} ref={focus} tabIndex={-1} className="card body" aria-live="polite">
          <OperationView operation={operation} />
        </div>
      )}
      {(!operation || ended) && (
        <>
          <div className="row">
            <Button look="primary" onClick={start}>
              <Rocket />
              {ended ? t('retry') : t('first.start')}
            </Button>
            <Link href={ended ? ROUTES.clusters : ROUTES.create} className="button">
              {ended ? t('clusters.all') : t('first.own')}
            </Link>
          </div>
          <Command text="devcluster up && devcluster demo" />
        </>
      )}
    </main>
  );
}
