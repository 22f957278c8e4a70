import { ExternalLink } from 'lucide-react';
import { Link } from 'wouter';
import { localAddress } from '../../api/agent';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { Card, CardLoading, Failure, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { NODES, PODS, SERVICES, SLICES } from '../../kinds/gvrs';
import { useCluster } from '../../shell/cluster';
import { useLinks } from '../../shell/paths';
import { useObject } from '../../store/hooks';
import { useHost } from '../../store/host';
import { useObjects } from '../../store/objects';
import { answers } from './answers';

interface Props {
  target: ObjectRef;
  title?: string;
  service?: KubeObject;
}

/** Who answers behind a service: every endpoint, whether it is ready, its pod and node. Live. */
export function Answering({ target, title, service }: Props) {
  const { t } = useI18n();
  const { name: cluster } = useCluster();
  const links = useLinks();
  const { namespace, name } = target;
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const slices = useObjects({ cluster, ...SLICES, namespaces: [namespace], labelSelector });
  const found = answers(slices.objects);
  const named = useObject(service ? null : target);
  const known = service ?? named.data;
  const forwards = useHost((host) => host.forwards);
  const here = forwards.filter(
    (one) =>
      one.cluster === cluster &&
      one.namespace === namespace &&
      one.target === `service/${name}` &&
      one.state === 'listening' &&
      one.protocol === 'TCP',
  );
  return (
    <Card
      title={title ?? t('answering')}
      actions={!service && <Link href={links.object({ ...SERVICES, namespace, name })}>Service {name}</Link>}
    >
      <Failure error={slices.error} />
      {here.length > 0 && (
        <p className="body row">
          <span className="soft">{t('answering.here')}</span>
          {here.map((forward) => (
            <a key={forward.id} href={`http://${localAddress(forward)}/`} target="_blank" rel="noreferrer">
              {localAddress(forward)} → {forward.port} <ExternalLink size={12} aria-hidden="true" />
            </a>
          ))}
        </p>
      )}
      {!slices.loaded && !slices.error && <CardLoading />}
      {slices.loaded && found.length === 0 && (
        <p className="body warn">
          {known === null
            ? t('detail.none', { name })
            : known && !known.spec?.selector
              ? t('answering.noselector')
              : t('answering.nobody')}
        </p>
      )}
      {found.length > 0 && (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t('address')}</th>
              <th scope="col">{t('state')}</th>
              <th scope="col">Pod</th>
              <th scope="col">Node</th>
            </tr>
          </thead>
          <tbody>
            {found.map(({ address, ports, health, pod, node }) => (
              <tr key={address}>
                <td className="mono">
                  {address}
                  <span className="soft">:{ports}</span>
                </td>
                <td>
                  <HealthMark health={health}>{t(`answering.${health}`)}</HealthMark>
                </td>
                <td>{pod && <Link href={links.object({ ...PODS, namespace, name: pod })}>{pod}</Link>}</td>
                <td>{node && <Link href={links.object({ ...NODES, namespace: '', name: node })}>{node}</Link>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
