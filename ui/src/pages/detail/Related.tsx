import type { KubeObject, ObjectRef } from '../../api/contract';
import { useI18n } from '../../i18n';
import { CLAIMS, JOBS, PODS, REPLICA_SETS, SERVICES } from '../../kinds/gvrs';
import { podSelector } from '../../kinds/read';
import { Allocated } from './Allocated';
import { Answering } from './Answering';
import { Grants } from './Grants';
import { Policy } from './Policy';
import { POD_COLUMNS, RelatedList, Selected } from './RelatedList';
import { Rules } from './Rules';
import { UsedBy } from './UsedBy';

/** What belongs to an object, by its kind. */
export function Related({ object, target }: { object: KubeObject; target: ObjectRef }) {
  const { t } = useI18n();
  const { name, namespace } = target;
  const namespaces = [namespace];
  const owner = object.metadata.uid ?? '';
  const selector = podSelector(object);
  const pods = selector && (
    <RelatedList title="Pods" gvr={PODS} spec={{ namespaces, labelSelector: selector }} columns={POD_COLUMNS} />
  );
  switch (object.kind) {
    case 'Deployment':
      return (
        <>
          {pods}
          <RelatedList
            title="ReplicaSets"
            gvr={REPLICA_SETS}
            spec={{ namespaces, owner, sort: { column: 'Age', descending: false } }}
            columns={['Desired', 'Ready']}
          />
        </>
      );
    case 'StatefulSet':
      return (
        <>
          {pods}
          {object.spec?.volumeClaimTemplates && (
            <RelatedList
              title="PersistentVolumeClaims"
              gvr={CLAIMS}
              spec={{ namespaces, labelSelector: selector }}
              columns={['Status', 'Capacity']}
            />
          )}
        </>
      );
    case 'Service':
      return <Answering service={object} target={target} />;
    case 'Ingress':
      return <IngressRules object={object} target={target} />;
    case 'CronJob':
      return <RelatedList title="Jobs" gvr={JOBS} spec={{ namespaces, owner }} columns={['Status', 'Completions']} />;
    case 'Node':
      return (
        <>
          <Allocated node={object} />
          <RelatedList
            title="Pods"
            gvr={PODS}
            spec={{ fieldSelector: `spec.nodeName=${name}` }}
            columns={['Ready', 'Status', 'Restarts']}
          />
        </>
      );
    case 'ConfigMap':
    case 'Secret':
    case 'PersistentVolumeClaim':
      return <UsedBy kind={object.kind} target={target} />;
    case 'PersistentVolume':
      return object.spec?.claimRef ? (
        <RelatedList
          title={t('claim')}
          gvr={CLAIMS}
          spec={{
            namespaces: [object.spec.claimRef.namespace],
            fieldSelector: `metadata.name=${object.spec.claimRef.name}`,
          }}
          columns={['Status', 'Capacity']}
        />
      ) : null;
    case 'StorageClass':
      return (
        <RelatedList
          title="PersistentVolumeClaims"
          gvr={CLAIMS}
          spec={{ cell: ['StorageClass', name] }}
          columns={['Status', 'Volume', 'Capacity']}
        />
      );
    case 'CustomResourceDefinition':
      return <Defined definition={object} />;
    case 'Role':
    case 'ClusterRole':
      return (
        <>
          <Rules object={object} />
          <Grants target={target} of="role" />
        </>
      );
    case 'ServiceAccount':
      return <Grants target={target} of="account" />;
    case 'NetworkPolicy':
      return <Policy object={object} target={target} />;
    case 'PodDisruptionBudget':
      return <Selected selector={object.spec?.selector} namespace={namespace} />;
    case 'Namespace':
      return <RelatedList title="Pods" gvr={PODS} spec={{ namespaces: [name] }} columns={POD_COLUMNS} />;
    default:
      return pods || null;
  }
}

/** The objects of a kind that the cluster was taught. */
function Defined({ definition: { spec } }: { definition: KubeObject }) {
  const versions: { name: string; storage: boolean }[] = spec?.versions ?? [];
  const version = versions.find(({ storage }) => storage)?.name;
  const { kind, plural } = spec?.names ?? {};
  if (version === undefined) return null;
  return <RelatedList title={kind} gvr={{ group: spec.group, version, resource: plural }} spec={{}} columns={[]} />;
}

interface Path {
  path?: string;
  backend?: { service?: { name: string; port?: { number?: number; name?: string } } };
}

/** Each rule of an ingress, and who answers behind it. */
function IngressRules({ object, target }: { object: KubeObject; target: ObjectRef }) {
  const rules: { host?: string; http?: { paths?: Path[] } }[] = [
    ...(object.spec?.rules ?? []),
    ...(object.spec?.defaultBackend ? [{ http: { paths: [{ backend: object.spec.defaultBackend }] } }] : []),
  ];
  return rules.flatMap(({ host = '*', http }) =>
    (http?.paths ?? []).map(({ path = '/', backend }) => {
      const service = backend?.service;
      if (!service) return null;
      const title = `${host}${path} → ${service.name}:${service.port?.number ?? service.port?.name ?? ''}`;
      return <Answering key={title} title={title} target={{ ...target, ...SERVICES, name: service.name }} />;
    }),
  );
}
