import { CONFIG_MAPS } from '../../kinds/gvrs';
import { DataEditor } from './DataEditor';
import { UsedBy } from './UsedBy';

interface Props {
  cluster: string;
  namespace: string;
  name: string;
  /** The address of a pod. */
  href: (pod: string) => string;
}

/** A ConfigMap key by key, with the pods that use it and the moment the change reached each. */
export default function ConfigMapEditor(props: Props) {
  const { cluster, namespace, name } = props;
  return (
    <DataEditor target={{ cluster, ...CONFIG_MAPS, namespace, name }} kind="ConfigMap" below={<UsedBy {...props} />} />
  );
}
