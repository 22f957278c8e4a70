import { DataEditor } from './DataEditor';

/** A Secret key by key: decoded, hidden until shown. */
export default function SecretEditor({
  cluster,
  namespace,
  name,
}: {
  cluster: string;
  namespace: string;
  name: string;
}) {
  return (
    <DataEditor target={{ cluster, group: '', version: 'v1', resource: 'secrets', namespace, name }} kind="Secret" />
  );
}
