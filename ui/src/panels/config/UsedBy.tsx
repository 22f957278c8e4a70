import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { UsersTable } from '../../components/UsersTable';
import { type I18n, useI18n } from '../../i18n';
import { PODS } from '../../kinds/gvrs';
import { type Use, type User, usersOf } from '../../kinds/uses';
import { useObjects } from '../../store/objects';
import { follows, followVolumes, stampOf, type Volumes } from './mounts';

interface Props {
  cluster: string;
  namespace: string;
  name: string;
  /** The address of a pod. */
  href: (pod: string) => string;
}

/** Who uses the ConfigMap, how, and since when with its present content. */
export function UsedBy({ cluster, namespace, name, href }: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const pods = useObjects({ cluster, ...PODS, namespaces: [namespace] });
  const users = useMemo(() => usersOf(pods.objects, 'ConfigMap', name), [pods.objects, name]);
  const reached = useReached(cluster, namespace, users);
  const of = (user: User, use: Use) => describeReached(user, use, reached, i18n);
  return (
    <section className="config-users" aria-label={t('usedby')}>
      <header>
        <h2 className="grow">{t('usedby')}</h2>
      </header>
      <UsersTable
        pods={pods}
        kind="ConfigMap"
        name={name}
        href={href}
        more={{ title: t('panel.config.reached'), of }}
      />
    </section>
  );
}

/** What each node says of the volumes of its pods; null where it says nothing. */
type Reached = ReadonlyMap<string, Volumes | null>;

function useReached(cluster: string, namespace: string, users: User[]): Reached {
  const [reached, setReached] = useState<Reached>(new Map());
  const nodes = [...new Set(users.filter(({ running }) => running).map(({ node }) => node))].sort().join(' ');
  useEffect(() => {
    const ends = nodes
      .split(' ')
      .filter(Boolean)
      .map((node) =>
        followVolumes(cluster, node, namespace, (said) => setReached((old) => new Map(old).set(node, said))),
      );
    return () => {
      for (const end of ends) end();
    };
  }, [cluster, namespace, nodes]);
  return reached;
}

function describeReached(user: User, use: Use, reached: Reached, { t, date }: I18n): ReactNode {
  if (!follows(use)) return t(use.how === 'subPath' ? 'panel.config.never' : 'panel.config.onRestart');
  if (!user.running) return t('panel.config.notRunning');
  const said = reached.get(user.node);
  if (said === undefined) return '…';
  const stamp = stampOf(said?.[user.uid]?.[use.volume] ?? '');
  if (stamp === null) return t('panel.config.unknown');
  return <time dateTime={new Date(stamp).toISOString()}>{date(stamp)}</time>;
}
