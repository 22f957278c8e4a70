import { SECRETS } from '../../kinds/gvrs';
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
  return <DataEditor target={{ cluster, ...SECRETS, namespace, name }} kind="Secret" />;
}
