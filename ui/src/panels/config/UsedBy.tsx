import { type ReactNode, useEffect, useMemo, useState } from 'react';
import type { ObjectRef } from '../../api/contract';
import { Cut } from '../../components/Cut';
import { Button } from '../../components/parts';
import { type I18n, useI18n } from '../../i18n';
import { describeUse, type Use, type User, usersOf } from '../../kinds/uses';
import { useObjects } from '../../store/objects';
import { Failure } from '../parts';
import { follows, followVolumes, stampOf, type Volumes } from './mounts';

interface Props {
  cluster: string;
  namespace: string;
  name: string;
  onOpen?: (ref: ObjectRef) => void;
}

/** Who uses the ConfigMap, how, and since when with its present content. */
export function UsedBy({ cluster, namespace, name, onOpen }: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const pods = useObjects({ cluster, group: '', version: 'v1', resource: 'pods', namespaces: [namespace] });
  const users = useMemo(() => usersOf(pods.objects, 'ConfigMap', name), [pods.objects, name]);
  const reached = useReached(cluster, namespace, users);
  return (
    <section className="config-users" aria-label={t('panel.config.usedBy')}>
      <header>
        <h2 className="grow">{t('panel.config.usedBy')}</h2>
      </header>
      <Failure error={pods.error} />
      {pods.loaded && <Cut kind="Pods" objects={pods.objects} total={pods.total} />}
      {users.length === 0 ? (
        <p className="soft small config-head">{t(pods.loaded ? 'panel.config.unused' : 'panel.loading')}</p>
      ) : (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">Pod</th>
              <th scope="col">{t('panel.shell.container')}</th>
              <th scope="col">{t('panel.config.how')}</th>
              <th scope="col">{t('panel.config.reached')}</th>
            </tr>
          </thead>
          <tbody>
            {users.flatMap((user) =>
              user.uses.map((use) => (
                <tr key={`${user.uid} ${describeUse(use, i18n)}`}>
                  <td>
                    <Button
                      look="small quiet"
                      disabled={onOpen === undefined}
                      onClick={() =>
                        onOpen?.({ cluster, group: '', version: 'v1', resource: 'pods', namespace, name: user.pod })
                      }
                    >
                      {user.pod}
                    </Button>
                  </td>
                  <td>{'container' in use ? use.container : ''}</td>
                  <td className="mono">{describeUse(use, i18n)}</td>
                  <td>{describeReached(user, use, reached, i18n)}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      )}
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
