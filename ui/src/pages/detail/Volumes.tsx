import { Fragment } from 'react';
import { Link } from 'wouter';
import type { KubeObject } from '../../api/contract';
import { Card } from '../../components/parts';
import { useI18n } from '../../i18n';
import { CLAIMS, CONFIG_MAPS, SECRETS } from '../../kinds/gvrs';
import { type Line, volumesOf } from '../../kinds/volumes';
import { useLinks } from '../../shell/paths';

/** What the volumes of a pod hold, each a way to it, and where containers have them. */
export function Volumes({ object }: { object: KubeObject }) {
  const { t } = useI18n();
  const volumes = volumesOf(object);
  const namespace = object.metadata.namespace ?? '';
  if (volumes.length === 0) return null;
  return (
    <Card title={t('volumes')}>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t('name')}</th>
            <th scope="col">{t('volumes.holds')}</th>
            <th scope="col">{t('volumes.mounts')}</th>
          </tr>
        </thead>
        <tbody>
          {volumes.map(({ name, holds, mounts }) => (
            <tr key={name}>
              <td>{name}</td>
              <td className="wrap">
                {holds.map((one) => (
                  <div key={JSON.stringify(one)}>
                    <Sources of={[one]} namespace={namespace} />
                  </div>
                ))}
              </td>
              <td className="wrap small">
                {mounts.map(({ container, path, readOnly }) => (
                  <div key={container + path}>
                    <span className="soft">{container}</span> <span className="mono">{path}</span>{' '}
                    {readOnly && <span className="chip">{t('panel.volume.readOnly')}</span>}
                  </div>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

const GVRS = { ConfigMap: CONFIG_MAPS, Secret: SECRETS, PersistentVolumeClaim: CLAIMS };

/** Words, and the ways to the objects among them: of a claim to its files, of the others to their keys. */
export function Sources({ of, namespace }: { of: Line; namespace: string }) {
  const links = useLinks();
  return of.map((one) => {
    if (typeof one === 'string') return one;
    const { kind, name } = one;
    const query = kind === 'PersistentVolumeClaim' ? { view: 'files' } : undefined;
    return (
      <Fragment key={kind + name}>
        {kind}{' '}
        <Link href={links.object({ ...GVRS[kind], namespace, name }, query)} className="among">
          {name}
        </Link>
      </Fragment>
    );
  });
}
