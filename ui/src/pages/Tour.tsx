import { ExternalLink, GraduationCap, Rocket, X } from 'lucide-react';
import { Link, useLocation } from 'wouter';
import { clusterAction, localAddress } from '../api/agent';
import { Button, IconButton } from '../components/parts';
import { useI18n } from '../i18n';
import { CLAIMS, CONFIG_MAPS, DEPLOYMENTS, PODS, REPLICA_SETS, SERVICES } from '../kinds/gvrs';
import { useCluster } from '../shell/cluster';
import { useLinks, useParam } from '../shell/paths';
import { useList, useListState } from '../store/hooks';
import { useHost } from '../store/host';
import { useSettings } from '../store/settings';
import { listSpec } from '../store/specs';
import { attempt } from '../store/ui';

/** What the tour explains, in its order, each on the living objects of the kind. */
const STOPS = [
  ['pod', PODS],
  ['replicaset', REPLICA_SETS],
  ['deployment', DEPLOYMENTS],
  ['service', SERVICES],
  ['configmap', CONFIG_MAPS],
  ['volume', CLAIMS],
] as const;

/** Where the sample is, and the port of its service that shows its page. */
const SAMPLE = { namespace: 'default', target: 'service/front', port: 80 };

/** Goes to a stop of the tour, and to the list of what it explains. Past the ends it is over. */
function useTour() {
  const [step, setStep] = useParam('tour');
  const links = useLinks();
  const [, navigate] = useLocation();
  const go = (index: number) => {
    const stop = STOPS[index];
    if (stop) return navigate(links.list(stop[1], { ns: SAMPLE.namespace, tour: String(index + 1) }));
    useSettings.setState({ tourSeen: true });
    // Who took it to its end sees the whole cluster; who broke it off stays.
    if (index < STOPS.length) return setStep('');
    navigate(links.page(undefined, { ns: '', tour: '' }));
  };
  return { index: Number(step) - 1, go };
}

/** Offers the tour to those who have not taken it. */
export function TourOffer() {
  const { t } = useI18n();
  const { index, go } = useTour();
  const seen = useSettings((settings) => settings.tourSeen);
  if (seen || STOPS[index]) return null;
  return (
    <p className="note row">
      <GraduationCap aria-hidden width={18} height={18} />
      <span className="grow">{t('tour.offer')}</span>
      <Button onClick={() => go(0)}>{t('tour.start')}</Button>
      <IconButton label={t('dismiss')} onClick={() => go(-1)}>
        <X />
      </IconButton>
    </p>
  );
}

/** The guided tour above the pages: one stop after the other, each beside what really runs here. */
export function Tour() {
  const { t } = useI18n();
  const { index, go } = useTour();
  const stop = STOPS[index];
  if (!stop) return null;
  const [id, gvr] = stop;
  const last = index + 1 === STOPS.length;
  return (
    <aside className="tour" aria-label={t('tour')}>
      <header className="row">
        <h2 className="grow">
          <span className="soft">
            {index + 1}/{STOPS.length}
          </span>{' '}
          {t(`tour.${id}`)}
        </h2>
        <Button onClick={() => go(index - 1)} disabled={index === 0}>
          {t('tour.back')}
        </Button>
        <Button look="primary" onClick={() => go(index + 1)}>
          {last ? t('tour.end') : t('tour.next')}
        </Button>
        <IconButton label={t('tour.end')} onClick={() => go(-1)}>
          <X />
        </IconButton>
      </header>
      <p>{t(`tour.${id}.text`)}</p>
      <p className="soft">{t(`tour.${id}.try`)}</p>
      <Example key={id} gvr={gvr} />
    </aside>
  );
}

const SHOWN = 3;

/** Some of the cluster's own objects of the kind, none of the system's; and the sample, when there are none. */
function Example({ gvr }: { gvr: (typeof STOPS)[number][1] }) {
  const { t } = useI18n();
  const { name } = useCluster();
  const links = useLinks();
  const page = useHost((host) => host.forwards).find(
    (forward) =>
      forward.cluster === name &&
      forward.state === 'listening' &&
      forward.namespace === SAMPLE.namespace &&
      forward.target === SAMPLE.target &&
      forward.port === SAMPLE.port,
  );
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
      {page && (
        <a href={`http://${localAddress(page)}/`} target="_blank" rel="noreferrer">
          {t('tour.page')} <ExternalLink size={12} aria-hidden />
        </a>
      )}
      {loaded && data.order.length === 0 && gvr.resource === 'pods' && (
        <Button look="small" onClick={() => attempt(() => clusterAction(name, { action: 'demo' }), t('started'))}>
          <Rocket />
          {t('cluster.demo')}
        </Button>
      )}
    </div>
  );
}
