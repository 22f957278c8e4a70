import { Rocket } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { clusterAction, createCluster } from '../../api/agent';
import { Button, Command } from '../../components/parts';
import { useI18n } from '../../i18n';
import { OperationView } from '../../shell/Operations';
import { clusterHref, ROUTES } from '../../shell/paths';
import { useHost } from '../../store/host';
import { attempt } from '../../store/ui';

const NAME = 'dev';

/** From nothing to a running sample in one click; then the tour begins on it. */
export function FirstRun() {
  const { t } = useI18n();
  const [operation, setOperation] = useState('');
  const start = () =>
    attempt(async () => setOperation((await createCluster({ name: NAME, masters: 1, workers: 2 })).operation));
  return (
    <main className="page narrow first-run">
      <img src="/icon.svg" alt="" width="64" height="64" />
      <h1>{t('first.title')}</h1>
      <p className="soft">{t('first.text')}</p>
      {operation === '' ? (
        <>
          <div className="row">
            <Button look="primary" onClick={start}>
              <Rocket />
              {t('first.start')}
            </Button>
            <Link href={ROUTES.create} className="button">
              {t('first.own')}
            </Link>
          </div>
          <Command text="devcluster up && devcluster demo" />
        </>
      ) : (
        <SampleProgress up={operation} />
      )}
    </main>
  );
}

/** The cluster's steps, then the sample's, then the way to the tour. */
function SampleProgress({ up }: { up: string }) {
  const [, navigate] = useLocation();
  const operations = useHost((host) => host.operations);
  const [demo, setDemo] = useState('');
  const upState = operations.find(({ id }) => id === up)?.state;
  const demoState = operations.find(({ id }) => id === demo)?.state;
  useEffect(() => {
    if (upState !== 'done') return;
    void attempt(async () => setDemo((await clusterAction(NAME, { action: 'demo' })).operation));
  }, [upState]);
  useEffect(() => {
    if (demoState === 'done') navigate(`${clusterHref(NAME)}?tour=1`);
  }, [demoState, navigate]);
  return operations
    .filter(({ id }) => id === up || id === demo)
    .map((operation) => (
      <div key={operation.id} className="card body">
        <OperationView operation={operation} />
      </div>
    ));
}
