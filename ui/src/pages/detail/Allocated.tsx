import type { KubeObject } from '../../api/contract';
import { Card, Failure } from '../../components/parts';
import { useI18n } from '../../i18n';
import { factName } from '../../i18n/others';
import { PODS } from '../../kinds/gvrs';
import { amountOf, taken, taking } from '../../kinds/requests';
import { bytesText, coresText } from '../../panels/units';
import { useCluster } from '../../shell/cluster';
import { useObjects } from '../../store/objects';

const RESOURCES = [
  ['CPU', 'cpu', coresText],
  ['Memory', 'memory', bytesText],
] as const;

/** What a node's pods ask for and may use of what it has to give: why it takes no more of them. */
export function Allocated({ node }: { node: KubeObject }) {
  const { t, number } = useI18n();
  const { name: cluster } = useCluster();
  const fieldSelector = `spec.nodeName=${node.metadata.name}`;
  const { objects, loaded, error } = useObjects({ cluster, ...PODS, namespaces: [], fieldSelector });
  const pods = taking(objects);
  const allocatable: Record<string, string> = node.status?.allocatable ?? {};
  const share = (part: number, whole: number) => (whole > 0 ? ` (${Math.round((part / whole) * 100)} %)` : '');
  return (
    <Card title={t('allocated')}>
      <Failure error={error} />
      <table className="plain" aria-busy={!loaded}>
        <thead>
          <tr>
            <th scope="col">{t('allocated.resource')}</th>
            <th scope="col">{t('allocated.requests')}</th>
            <th scope="col">{t('allocated.limits')}</th>
            <th scope="col">{t('allocated.allocatable')}</th>
          </tr>
        </thead>
        <tbody>
          {RESOURCES.map(([label, resource, text]) => {
            const whole = amountOf(allocatable[resource]);
            return (
              <tr key={resource}>
                <th scope="row">{factName(label, t)}</th>
                {(['requests', 'limits'] as const).map((bound) => {
                  const part = taken(pods, bound, resource);
                  return <td key={bound}>{loaded && text(part) + share(part, whole)}</td>;
                })}
                <td>{text(whole)}</td>
              </tr>
            );
          })}
          <tr>
            <th scope="row">{factName('Pods', t)}</th>
            <td>{loaded && number(pods.length) + share(pods.length, amountOf(allocatable.pods))}</td>
            <td />
            <td>{allocatable.pods}</td>
          </tr>
        </tbody>
      </table>
    </Card>
  );
}
