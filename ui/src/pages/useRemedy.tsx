import { useLocation } from 'wouter';
import { clusterAction } from '../api/agent';
import type { ObjectRef, Problem, Remedy, Saying } from '../api/contract';
import { getObject, patchObject } from '../api/k8s';
import { useI18n } from '../i18n';
import { type ClusterInfo, useCluster } from '../shell/cluster';
import { DeleteDialog } from '../shell/DeleteDialog';
import { useLinks } from '../shell/paths';
import { useDock } from '../shell/useDock';
import { attempt, openDialog } from '../store/ui';

const asText = (value: string | Saying | undefined) => (typeof value === 'string' ? value : '');

/** What a pod was made from, where it can be mended for good: the workload at the top. A pod of its own is itself. */
export async function templateOf(ref: ObjectRef, refTo: ClusterInfo['refTo'], get = getObject): Promise<ObjectRef> {
  if (!['pods', 'replicasets'].includes(ref.resource)) return ref;
  const { metadata } = await get(ref);
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  const above = owner && refTo(owner.apiVersion, owner.kind, ref.namespace, owner.name);
  return above ? templateOf(above, refTo, get) : ref;
}

/** Does what the button beside a problem promises; the agent names the remedy. */
export function useRemedy() {
  const { t } = useI18n();
  const { name: cluster, resources, find, refTo } = useCluster();
  const dock = useDock();
  const links = useLinks();
  const [, navigate] = useLocation();
  return (problem: Problem, remedy: Remedy) => {
    const { group, version, resource, namespace, name } = problem;
    const ref: ObjectRef = { cluster, group, version, resource, namespace, name };
    switch (remedy.action) {
      case 'logs':
        return dock.open('logs', ref);
      case 'previous-logs':
        return dock.open('previous', ref);
      case 'edit':
        return void attempt(async () => {
          const made = await templateOf(ref, refTo);
          // The server takes next to no change of a pod.
          dock.open(made.resource === 'pods' ? 'replace' : 'edit', made);
        });
      case 'load-image':
        return navigate(links.page('images', { image: asText(problem.why.with?.image) }));
      case 'create-missing': {
        const [, kind = '', missing = ''] = /(configmap|secret) "([^"]+)" not found/.exec(problem.why.text) ?? [];
        return dock.open('create', { group: '', version: 'v1', resource: `${kind}s`, namespace, name: missing });
      }
      case 'roll-back':
        return navigate(links.object(ref, { view: 'rollout' }));
      case 'delete': {
        const found = find(ref);
        return found && openDialog(<DeleteDialog resource={found} refs={[ref]} all={resources} />);
      }
      case 'add-node':
        return void attempt(() => clusterAction(cluster, { action: 'add-nodes', count: 1 }), t('started'));
      case 'start-node':
        return void attempt(() => clusterAction(cluster, { action: 'start-node', node: name }), t('started'));
      case 'uncordon':
        return void attempt(
          () => patchObject(ref, 'merge', { spec: { unschedulable: null } }),
          t('done.uncordon', { names: name }),
        );
      default:
        return navigate(links.object(ref));
    }
  };
}
