import type { ObjectRef } from '../../api/contract';
import { Card } from '../../components/parts';
import { UsersTable } from '../../components/UsersTable';
import { useI18n } from '../../i18n';
import { PODS } from '../../kinds/gvrs';
import type { UsedKind } from '../../kinds/uses';
import { useLinks } from '../../shell/paths';
import { useObjects } from '../../store/objects';

/** Which pods use a ConfigMap, a secret or a claim, and where. */
export function UsedBy({ kind, target: { cluster, namespace, name } }: { kind: UsedKind; target: ObjectRef }) {
  const { t } = useI18n();
  const links = useLinks();
  const pods = useObjects({ cluster, ...PODS, namespaces: [namespace] });
  const href = (pod: string) => links.object({ ...PODS, namespace, name: pod });
  return (
    <Card title={t('usedby')}>
      <UsersTable pods={pods} kind={kind} name={name} href={href} />
    </Card>
  );
}
