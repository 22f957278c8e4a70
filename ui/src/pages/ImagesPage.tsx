import { Plus } from 'lucide-react';
import { useEffect, useState } from 'react';
import { clusterAction, listImages } from '../api/agent';
import type { Image } from '../api/contract';
import { AddForm } from '../components/AddForm';
import { Card, Empty, Failure } from '../components/parts';
import { useI18n } from '../i18n';
import { bytesText } from '../panels/units';
import { useCluster } from '../shell/cluster';
import { PageTitle } from '../shell/PageTitle';
import { useParam } from '../shell/paths';
import { useHost } from '../store/host';

/** The images in the nodes, and how to load more from the machine's Docker. */
export function ImagesPage() {
  const { t } = useI18n();
  const { name, cluster } = useCluster();
  const [wanted] = useParam('image');
  const [images, setImages] = useState<Image[] | null>(null);
  const [error, setError] = useState('');
  const loads = useHost((host) => host.operations).filter(
    ({ cluster: of, action, state }) => of === name && action === 'load-images' && state === 'done',
  ).length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a finished load brings images.
  useEffect(() => {
    let current = true;
    listImages(name).then(
      (found) => {
        if (!current) return;
        setImages(found);
        setError('');
      },
      (cause: Error) => current && setError(cause.message),
    );
    return () => {
      current = false;
    };
  }, [name, loads]);
  const nodes = cluster?.nodes.length ?? 0;
  return (
    <main className="page">
      <header className="page-head">
        <PageTitle>{t('page.images')}</PageTitle>
      </header>
      <AddForm
        label={t('images.load')}
        placeholder="my-app:latest"
        initial={wanted}
        icon={<Plus />}
        button={t('images.load')}
        valid={(text) => text.trim() !== ''}
        add={(text) => clusterAction(name, { action: 'load-images', images: text.split(/\s+/).filter(Boolean) })}
        good={t('started')}
        command={(text) => `devcluster image load --name ${name} ${text || 'my-app:latest'}`}
      />
      <Failure error={error} />
      {images === null && error === '' && <Empty title={t('loading')} />}
      {images?.length === 0 && <Empty title={t('images.none')} />}
      {images && images.length > 0 && (
        <Card title={t('images.count', { count: images.length })}>
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">{t('image')}</th>
                <th scope="col">{t('size')}</th>
                <th scope="col">{t('images.where')}</th>
              </tr>
            </thead>
            <tbody>
              {images.map((image) => (
                <tr key={`${image.name}${image.id}`}>
                  <td className="mono wrap">{image.name}</td>
                  <td className="nowrap">{bytesText(image.size)}</td>
                  <td className="soft">
                    {image.nodes.length === nodes ? t('images.everywhere') : image.nodes.join(', ')}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Card>
      )}
    </main>
  );
}
