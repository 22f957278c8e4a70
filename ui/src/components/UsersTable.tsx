import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useI18n } from '../i18n';
import { describeUse, type Use, type UsedKind, type User, usersOf } from '../kinds/uses';
import type { Objects } from '../store/objects';
import { Cut } from './Cut';
import { CardLoading, Failure } from './parts';

interface Props {
  pods: Objects;
  kind: UsedKind;
  name: string;
  /** The address of a pod. */
  href: (pod: string) => string;
  /** What else is told of a use. */
  more?: { title: string; of: (user: User, use: Use) => ReactNode };
}

/** Which pods use something, and where. */
export function UsersTable({ pods: { objects, total, loaded, error }, kind, name, href, more }: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const users = usersOf(objects, kind, name);
  return (
    <>
      <Failure error={error} />
      {!loaded && !error && <CardLoading />}
      {loaded && <Cut kind="Pods" objects={objects} total={total} />}
      {loaded && users.length === 0 && <p className="body soft">{t('usedby.nobody')}</p>}
      {users.length > 0 && (
        <table className="plain users">
          <thead>
            <tr>
              <th scope="col">Pod</th>
              <th scope="col">{t('container')}</th>
              <th scope="col">{t('usedby.how')}</th>
              {more && <th scope="col">{more.title}</th>}
            </tr>
          </thead>
          <tbody>
            {users.flatMap((user) =>
              user.uses.map((use) => (
                <tr key={`${user.uid} ${'container' in use ? use.container : ''} ${describeUse(use, i18n)}`}>
                  <td>
                    <Link href={href(user.pod)}>{user.pod}</Link>
                  </td>
                  <td>{'container' in use ? use.container : ''}</td>
                  <td className="mono small">{describeUse(use, i18n)}</td>
                  {more && <td>{more.of(user, use)}</td>}
                </tr>
              )),
            )}
          </tbody>
        </table>
      )}
    </>
  );
}
