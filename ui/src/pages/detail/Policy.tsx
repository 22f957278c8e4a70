import { Link } from 'wouter';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { Card } from '../../components/parts';
import { useI18n } from '../../i18n';
import { NAMESPACES, PODS } from '../../kinds/gvrs';
import { type Allowed, allowed, type Direction, type Peer, selectorText } from '../../kinds/selectors';
import { useCluster } from '../../shell/cluster';
import { useLinks } from '../../shell/paths';
import { useList, useListState } from '../../store/hooks';
import { listSpec } from '../../store/specs';
import { Selected } from './RelatedList';
import { distinct } from './Rules';

/** Whom a network policy is about, who may reach them and whom they may reach, with the pods that are meant now. */
export function Policy({ object, target }: { object: KubeObject; target: ObjectRef }) {
  return (
    <>
      <Selected selector={object.spec?.podSelector} namespace={target.namespace} />
      {(['ingress', 'egress'] as const).map((direction) => (
        <Traffic key={direction} direction={direction} rules={allowed(object.spec, direction)} target={target} />
      ))}
    </>
  );
}

interface TrafficProps {
  direction: Direction;
  rules: Allowed[] | null;
  target: ObjectRef;
}

function Traffic({ direction, rules, target: { namespace } }: TrafficProps) {
  const { t } = useI18n();
  return (
    <Card title={t(`policy.${direction}`)}>
      {!rules?.length ? (
        <p className="body soft">{t(rules ? 'policy.nobody' : 'policy.open')}</p>
      ) : (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t(direction === 'ingress' ? 'policy.from' : 'policy.to')}</th>
              <th scope="col">{t('ports')}</th>
            </tr>
          </thead>
          <tbody>
            {distinct(rules).map(([key, { peers, ports }]) => (
              <tr key={key}>
                <td className="wrap">
                  {peers.length === 0 && t('policy.anyone')}
                  <ul className="peers">
                    {distinct(peers).map(([key, peer]) => (
                      <li key={key}>
                        {peer.ipBlock ? addresses(peer.ipBlock) : <Pods peer={peer} namespace={namespace} />}
                      </li>
                    ))}
                  </ul>
                </td>
                <td className="wrap">{ports.length === 0 ? t('policy.allPorts') : ports.join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );

  function addresses({ cidr, except = [] }: NonNullable<Peer['ipBlock']>) {
    return except.length === 0 ? cidr : t('policy.except', { cidr, except: except.join(', ') });
  }
}

/** The pods of a peer in words that lead to their list, with how many there are now. */
function Pods({ peer: { podSelector, namespaceSelector }, namespace }: { peer: Peer; namespace: string }) {
  const { t } = useI18n();
  const { name: cluster } = useCluster();
  const links = useLinks();
  const pods = selectorText(podSelector ?? {});
  const named = namespaceSelector && selectorText(namespaceSelector);
  const view = useList(named ? listSpec(cluster, NAMESPACES, { labelSelector: named }) : null);
  const names = useListState(view).data.order.flatMap((uid) => view.row(uid)?.name ?? []);
  const nowhere = named && names.length === 0;
  const spaces = named ? names : namespaceSelector ? [] : [namespace];
  const spec = { namespaces: spaces, labelSelector: pods, limit: 1 };
  const counted = useListState(useList(nowhere ? null : listSpec(cluster, PODS, spec)));
  const where = named
    ? t('policy.namespaces', { selector: named })
    : t(namespaceSelector ? 'policy.everywhere' : 'policy.here');
  return (
    <>
      <Link href={links.list(PODS, { ns: spaces.join(','), l: pods })}>
        {t('policy.pods', { pods: pods || t('policy.allPods'), where })}
      </Link>{' '}
      <span className="soft">({nowhere ? 0 : counted.data.matched})</span>
    </>
  );
}
