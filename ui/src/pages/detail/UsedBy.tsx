import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { listObjects } from '../../api/k8s';
import { Card } from '../../components/parts';
import { useI18n } from '../../i18n';
import { type UsedKind, uses } from '../../kinds/uses';
import { useCluster } from '../../shell/cluster';
import { useLinks } from '../../shell/paths';
import { useCounts } from '../../store/hooks';

const PODS = { group: '', version: 'v1', resource: 'pods' };
/** Pods that are looked through; of more than this the first will do. */
const LIMIT = 1000;

/** Which pods use a ConfigMap, a secret or a claim, and where. Looks again when pods come, go or change their health. */
export function UsedBy({ kind, target }: { kind: UsedKind; target: ObjectRef }) {
  const { t } = useI18n();
  const { name: cluster } = useCluster();
  const links = useLinks();
  const { namespace, name } = target;
  const [pods, setPods] = useState<KubeObject[] | null>(null);
  const { data } = useCounts({ cluster, resources: [PODS], namespaces: [namespace] });
  const version = JSON.stringify(data);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other counts mean other pods.
  useEffect(() => {
    let current = true;
    listObjects(cluster, PODS, namespace, { limit: LIMIT }).then(
      ({ items }) => current && setPods(items.map((item) => ({ ...item, kind: 'Pod', apiVersion: 'v1' }))),
      () => current && setPods([]),
    );
    return () => {
      current = false;
    };
  }, [cluster, namespace, version]);
  const users = (pods ?? []).map((pod) => ({ pod, how: uses(pod, kind, name) })).filter(({ how }) => how.length > 0);
  return (
    <Card title={t('usedby')}>
      {pods && users.length === 0 && <p className="body soft">{t('usedby.nobody')}</p>}
      {users.length > 0 && (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">Pod</th>
              <th scope="col">{t('usedby.how')}</th>
            </tr>
          </thead>
          <tbody>
            {users.map(({ pod, how }) => (
              <tr key={pod.metadata.name}>
                <td>
                  <Link href={links.object({ ...PODS, namespace, name: pod.metadata.name })}>{pod.metadata.name}</Link>
                </td>
                <td className="mono small">{how.join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
