/** One set of schemas per cluster, shared by all editors; a cluster made anew under an old name has new ones. */
import { getPath } from '../../api/k8s';
import { useHost } from '../../store/host';
import { Schemas } from './schemas';

const known = new Map<string, Schemas>();

export function schemasOf(cluster: string): Schemas {
  const uid = useHost.getState().clusters?.find(({ name }) => name === cluster)?.uid ?? '';
  const id = `${cluster} ${uid}`;
  let schemas = known.get(id);
  if (schemas === undefined) {
    schemas = new Schemas((path) => {
      const [bare = path, query = ''] = path.split('?');
      return getPath(cluster, bare, Object.fromEntries(new URLSearchParams(query)));
    });
    known.set(id, schemas);
  } else {
    schemas.refresh();
  }
  return schemas;
}
