import { Link } from 'wouter';
import type { ObjectRef } from '../../api/contract';
import { Cut } from '../../components/Cut';
import { Card, CardLoading, Failure } from '../../components/parts';
import { useI18n } from '../../i18n';
import { PODS } from '../../kinds/gvrs';
import { describeUse, type UsedKind, usersOf } from '../../kinds/uses';
import { useCluster } from '../../shell/cluster';
import { useLinks } from '../../shell/paths';
import { useObjects } from '../../store/objects';

/** Which pods use a ConfigMap, a secret or a claim, and where. */
export function UsedBy({ kind, target }: { kind: UsedKind; target: ObjectRef }) {
  const i18n = useI18n();
  const { t } = i18n;
  const { name: cluster } = useCluster();
  const links = useLinks();
  const { namespace, name } = target;
  const { objects, total, loaded, error } = useObjects({ cluster, ...PODS, namespaces: [namespace] });
  const users = usersOf(objects, kind, name);
  return (
    <Card title={t('usedby')}>
      <Failure error={error} />
      {!loaded && !error && <CardLoading />}
      {loaded && <Cut kind="Pods" objects={objects} total={total} />}
      {loaded && users.length === 0 && <p className="body soft">{t('usedby.nobody')}</p>}
      {users.length > 0 && (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">Pod</th>
              <th scope="col">{t('usedby.how')}</th>
            </tr>
          </thead>
          <tbody>
            {users.map(({ pod, uses }) => (
              <tr key={pod}>
                <td>
                  <Link href={links.object({ ...PODS, namespace, name: pod })}>{pod}</Link>
                </td>
                <td className="mono small">{[...new Set(uses.map((use) => describeUse(use, i18n)))].join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
