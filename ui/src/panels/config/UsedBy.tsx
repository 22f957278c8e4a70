import { useCallback, useEffect, useMemo, useState } from 'react';
import type { ObjectRef } from '../../api/contract';
import { Button } from '../../components/parts';
import { type I18n, useI18n } from '../../i18n';
import { describeUse, type Use, type User, usersOf } from '../../kinds/uses';
import { useObjects } from '../../store/objects';
import { Failure, useSettled } from '../parts';
import { output } from '../shell/exec';
import { follows, stampOf } from './mounts';

interface Props {
  cluster: string;
  namespace: string;
  name: string;
  /** Of the ConfigMap: another one means that something is on its way. */
  revision: string;
  onOpen?: (ref: ObjectRef) => void;
}

/** Milliseconds that a change is given on its way before the pods are asked, and after which those are asked again. */
const ON_ITS_WAY = 1500;
const LATE = [0, 3000, 10_000];

/** By pod and path: when the mounted files got their present content, or null where the container cannot tell. */
type Reached = Map<string, number | null>;

/** Who uses the ConfigMap, how, and since when with its present content. */
export function UsedBy({ cluster, namespace, name, revision, onOpen }: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const pods = useObjects({ cluster, group: '', version: 'v1', resource: 'pods', namespaces: [namespace] });
  const users = useMemo(() => usersOf(pods.objects, 'ConfigMap', name), [pods.objects, name]);
  const { reached, ask } = useReached(cluster, namespace, users, useSettled(revision, ON_ITS_WAY));
  return (
    <section className="config-users" aria-label={t('panel.config.usedBy')}>
      <header>
        <h2 className="grow">{t('panel.config.usedBy')}</h2>
        <Button look="small" onClick={ask}>
          {t('panel.config.ask')}
        </Button>
      </header>
      <Failure error={pods.error} />
      {users.length === 0 ? (
        <p className="soft small config-head">
          {t(pods.loaded || pods.total === 0 ? 'panel.config.unused' : 'panel.loading')}
        </p>
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

const idOf = (user: User, use: Use & { how: 'volume' }) => `${user.uid} ${use.container} ${use.path}`;

function useReached(cluster: string, namespace: string, users: User[], revision: string) {
  const [reached, setReached] = useState<Reached>(new Map());
  const running = users.filter((user) => user.running);
  const key = JSON.stringify([revision, running.map(({ uid }) => uid)]);
  const text = JSON.stringify(running);
  const ask = useCallback(() => {
    for (const user of JSON.parse(text) as User[]) {
      for (const use of user.uses.filter(follows)) {
        const place = { cluster, namespace, pod: user.pod, container: use.container };
        output(place, ['readlink', `${use.path}/..data`])
          .then((link) => stampOf(new TextDecoder().decode(link)))
          // A container without `readlink`: it cannot be known.
          .catch(() => null)
          .then((stamp) => setReached((old) => new Map(old).set(idOf(user, use), stamp)));
      }
    }
  }, [cluster, namespace, text]);
  useEffect(() => {
    if (key === '') return;
    const timers = LATE.map((after) => setTimeout(ask, after));
    return () => timers.forEach(clearTimeout);
  }, [key, ask]);
  return { reached, ask };
}

function describeReached(user: User, use: Use, reached: Reached, { t, date }: I18n): string {
  if (!follows(use)) return t(use.how === 'subPath' ? 'panel.config.never' : 'panel.config.onRestart');
  if (!user.running) return t('panel.config.notRunning');
  const stamp = reached.get(idOf(user, use));
  if (stamp === undefined) return '…';
  return stamp === null ? t('panel.config.unknown') : date(stamp);
}
