import { GraduationCap, X } from 'lucide-react';
import { Link } from 'wouter';
import { Button, Card, IconButton } from '../components/parts';
import { useI18n } from '../i18n';
import { listSpec, useCluster } from '../shell/cluster';
import { useLinks, useParam } from '../shell/paths';
import { useList, useListState } from '../store/hooks';
import { useSettings } from '../store/settings';

/** What the tour explains, in its order, each on an object of the living cluster. */
const STOPS = [
  ['pod', { group: '', version: 'v1', resource: 'pods' }],
  ['replicaset', { group: 'apps', version: 'v1', resource: 'replicasets' }],
  ['deployment', { group: 'apps', version: 'v1', resource: 'deployments' }],
  ['service', { group: '', version: 'v1', resource: 'services' }],
  ['configmap', { group: '', version: 'v1', resource: 'configmaps' }],
  ['volume', { group: '', version: 'v1', resource: 'persistentvolumeclaims' }],
] as const;

/** The guided tour: one stop after the other, each pointing at something that really runs here. */
export function Tour() {
  const { t } = useI18n();
  const [step, setStep] = useParam('tour');
  const seen = useSettings((settings) => settings.tourSeen);
  const close = () => {
    useSettings.setState({ tourSeen: true });
    setStep('');
  };
  const index = Number(step) - 1;
  const stop = STOPS[index];
  if (!stop) {
    if (seen) return null;
    return (
      <p className="note row">
        <GraduationCap aria-hidden width={18} height={18} />
        <span className="grow">{t('tour.offer')}</span>
        <Button onClick={() => setStep('1')}>{t('tour.start')}</Button>
        <IconButton label={t('dismiss')} onClick={close}>
          <X />
        </IconButton>
      </p>
    );
  }
  const [id, gvr] = stop;
  return (
    <Card
      title={
        <>
          <span className="soft">
            {index + 1}/{STOPS.length}
          </span>{' '}
          {t(`tour.${id}`)}
        </>
      }
      actions={
        <IconButton label={t('tour.end')} onClick={close}>
          <X />
        </IconButton>
      }
    >
      <div className="body stack tour">
        <p>{t(`tour.${id}.text`)}</p>
        <Example key={id} gvr={gvr} />
        <p className="soft">{t(`tour.${id}.try`)}</p>
        <div className="row">
          <Button onClick={() => setStep(String(index))} disabled={index === 0}>
            {t('tour.back')}
          </Button>
          {index + 1 < STOPS.length ? (
            <Button look="primary" onClick={() => setStep(String(index + 2))}>
              {t('tour.next')}
            </Button>
          ) : (
            <Button look="primary" onClick={close}>
              {t('tour.end')}
            </Button>
          )}
        </div>
      </div>
    </Card>
  );
}

const SHOWN = 3;

/** Some of the cluster's own objects of the kind, none of the system's. */
function Example({ gvr }: { gvr: (typeof STOPS)[number][1] }) {
  const { t } = useI18n();
  const { name } = useCluster();
  const links = useLinks();
  const view = useList(
    listSpec(name, gvr, { namespaces: [], fieldSelector: 'metadata.namespace!=kube-system', limit: SHOWN }),
  );
  const { data, loaded } = useListState(view);
  return (
    <div className="row">
      <span className="soft">{t('tour.here')}</span>
      {data.order.flatMap((uid) => {
        const row = view.row(uid);
        if (!row) return [];
        return (
          <Link key={uid} className="chip" href={links.object({ ...gvr, namespace: row.namespace, name: row.name })}>
            {row.name}
          </Link>
        );
      })}
      {loaded && data.order.length === 0 && <span>{t('tour.nothing')}</span>}
      <Link href={links.list(gvr)}>{t('tour.list')}</Link>
    </div>
  );
}
