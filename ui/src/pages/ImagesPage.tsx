import { FileArchive, LoaderCircle, Plus } from 'lucide-react';
import { useEffect, useState } from 'react';
import { clusterAction, listImages, loadArchive } from '../api/agent';
import type { Image } from '../api/contract';
import { AddForm } from '../components/AddForm';
import { Card, Empty, Failure } from '../components/parts';
import { useI18n } from '../i18n';
import { bytesText } from '../panels/units';
import { useCluster } from '../shell/cluster';
import { PageTitle } from '../shell/PageTitle';
import { useParam } from '../shell/paths';
import { useHost } from '../store/host';
import { attempt, toast } from '../store/ui';

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
  const [archive, setArchive] = useState('');
  const [archives, setArchives] = useState(0);
  const bring = async (file: File) => {
    setArchive(file.name);
    await attempt(async () => {
      const brought = await loadArchive(name, file);
      toast('good', t('images.loaded', { names: brought.map(({ image }) => image).join(', ') }));
    });
    setArchive('');
    setArchives((count) => count + 1);
  };
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
  }, [name, loads, archives]);
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
        beside={() => (
          <label className="button" data-busy={archive !== ''}>
            {archive ? <LoaderCircle className="spin" /> : <FileArchive />}
            {t('images.archive')}
            <input
              type="file"
              accept=".tar,.tgz,.gz"
              className="hidden-text"
              disabled={archive !== ''}
              onChange={({ currentTarget }) => {
                const file = currentTarget.files?.[0];
                // The same file may be chosen again.
                currentTarget.value = '';
                if (file) void bring(file);
              }}
            />
          </label>
        )}
        below={archive && <p role="status">{t('images.loading', { name: archive })}</p>}
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
