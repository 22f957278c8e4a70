import { Link } from 'wouter';
import type { ObjectRef } from '../../api/contract';
import { Card, CardLoading, Failure } from '../../components/parts';
import { useI18n } from '../../i18n';
import { type Grant, grantsOf, ofRole, subjectText, toAccount } from '../../kinds/grants';
import { useCluster } from '../../shell/cluster';
import { useLinks } from '../../shell/paths';
import { useObjects } from '../../store/objects';

const rbac = (resource: string) => ({ group: 'rbac.authorization.k8s.io', version: 'v1', resource });

/** Of an account the roles that it has, of a role those who have it; each through which binding. */
export function Grants({ target, of }: { target: ObjectRef; of: 'account' | 'role' }) {
  const { t } = useI18n();
  const { name: cluster } = useCluster();
  const local = useObjects({ cluster, ...rbac('rolebindings'), namespaces: [] });
  const everywhere = useObjects({ cluster, ...rbac('clusterrolebindings'), namespaces: [] });
  const loaded = local.loaded && everywhere.loaded;
  const error = local.error ?? everywhere.error;
  const all = grantsOf([...everywhere.objects, ...local.objects]);
  const found = (of === 'account' ? toAccount : ofRole)(all, target.namespace, target.name);
  return (
    <Card title={of === 'account' ? t('grants.may') : t('grants.has')}>
      <Failure error={error} />
      {!loaded && !error && <CardLoading />}
      {loaded && found.length === 0 && <p className="body soft">{t('grants.none')}</p>}
      {found.length > 0 && (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{of === 'account' ? t('grants.role') : t('grants.who')}</th>
              <th scope="col">{t('grants.where')}</th>
              <th scope="col">{t('grants.binding')}</th>
            </tr>
          </thead>
          <tbody>
            {found.map((grant) => (
              <tr key={grant.uid}>
                <td className="wrap">
                  {of === 'account' ? <Role grant={grant} /> : grant.subjects.map(subjectText).join(', ')}
                </td>
                <td>{grant.namespace || t('grants.everywhere')}</td>
                <td className="wrap">
                  <Binding grant={grant} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

function Role({ grant: { role, namespace } }: { grant: Grant }) {
  const links = useLinks();
  const cluster = role.kind === 'ClusterRole';
  const ref = { ...rbac(cluster ? 'clusterroles' : 'roles'), namespace: cluster ? '' : namespace, name: role.name };
  return (
    <>
      <span className="soft">{role.kind}</span> <Link href={links.object(ref)}>{role.name}</Link>
    </>
  );
}

function Binding({ grant: { binding, namespace } }: { grant: Grant }) {
  const links = useLinks();
  const ref = { ...rbac(namespace ? 'rolebindings' : 'clusterrolebindings'), namespace, name: binding };
  return <Link href={links.object(ref)}>{binding}</Link>;
}
