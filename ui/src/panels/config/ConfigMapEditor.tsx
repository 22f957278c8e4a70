import type { ObjectRef } from '../../api/contract';
import { DataEditor } from './DataEditor';
import { UsedBy } from './UsedBy';

interface Props {
  cluster: string;
  namespace: string;
  name: string;
  onOpen?: (ref: ObjectRef) => void;
}

/** A ConfigMap key by key, with the pods that use it and the moment the change reached each. */
export default function ConfigMapEditor({ cluster, namespace, name, onOpen }: Props) {
  return (
    <DataEditor
      target={{ cluster, group: '', version: 'v1', resource: 'configmaps', namespace, name }}
      kind="ConfigMap"
      below={
        <UsedBy cluster={cluster} namespace={namespace} name={name} {...(onOpen === undefined ? {} : { onOpen })} />
      }
    />
  );
}
