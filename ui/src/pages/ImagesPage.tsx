import { Plus } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';
import { clusterAction, listImages } from '../api/agent';
import type { Image } from '../api/contract';
import { Button, Card, Command, Empty } from '../components/parts';
import { useI18n } from '../i18n';
import { useCluster } from '../shell/cluster';
import { useHost } from '../store/host';
import { attempt } from '../store/ui';

/** The images in the nodes, and how to load more from the machine's Docker. */
export function ImagesPage() {
  const { t, number } = useI18n();
  const { name, cluster } = useCluster();
  const [images, setImages] = useState<Image[] | null>(null);
  const [error, setError] = useState('');
  const [wanted, setWanted] = useState('');
  const loads = useHost((host) => host.operations).filter(
    ({ cluster: of, action, state }) => of === name && action === 'load-images' && state === 'done',
  ).length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a finished load brings images.
  useEffect(() => {
    listImages(name).then(setImages, (cause: Error) => setError(cause.message));
  }, [name, loads]);
  const load = (event: FormEvent) => {
    event.preventDefault();
    void attempt(
      () => clusterAction(name, { action: 'load-images', images: wanted.split(/\s+/).filter(Boolean) }),
      t('started'),
    );
    setWanted('');
  };
  const nodes = cluster?.nodes.length ?? 0;
  return (
    <main className="page">
      <header className="page-head">
        <h1>{t('page.images')}</h1>
      </header>
      <form className="row" onSubmit={load}>
        <input
          className="input grow"
          aria-label={t('images.load')}
          placeholder="my-app:latest"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
        <Button type="submit" look="primary" disabled={wanted.trim() === ''}>
          <Plus />
          {t('images.load')}
        </Button>
      </form>
      <Command text={`devcluster image load --name ${name} ${wanted || 'my-app:latest'}`} />
      {error && <p className="note bad">{error}</p>}
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
                  <td className="nowrap">{number(image.size / 1024 / 1024, 1)} MiB</td>
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
