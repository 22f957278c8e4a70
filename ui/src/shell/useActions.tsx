import { useLocation } from 'wouter';
import { clusterAction } from '../api/agent';
import type { ObjectRef } from '../api/contract';
import { createObject, getObject, patchObject } from '../api/k8s';
import { Dialog } from '../components/Dialog';
import { useI18n } from '../i18n';
import { type ActionId, actionsFor, kubectlCommand } from '../kinds/actions';
import { jobAgain, jobFrom, restartPatch } from '../kinds/again';
import type { Resource } from '../kinds/discovery';
import { each } from '../kinds/each';
import { JOBS } from '../kinds/gvrs';
import { attempt, openDialog } from '../store/ui';
import { useCluster } from './cluster';
import { DeleteDialog } from './DeleteDialog';
import { DrainDialog } from './DrainDialog';
import { NodeDialog } from './NodeDialog';
import { useLinks } from './paths';
import { ScaleDialog } from './ScaleDialog';
import { useDock } from './useDock';

interface Options {
  /** Called when the deletion of the objects has begun. */
  onDeleted?: () => void;
  /** How many to propose. */
  replicas?: string | undefined;
}

/** Does an action of the table to objects of one kind. */
export function useActions() {
  const { t, tn } = useI18n();
  const { resources } = useCluster();
  const dock = useDock();
  const links = useLinks();
  const [, navigate] = useLocation();

  const patch = (refs: ObjectRef[], body: unknown) => each(refs, (ref) => patchObject(ref, 'merge', body));
  const patchAll = (refs: ObjectRef[], body: unknown, good: string) => attempt(() => patch(refs, body), good);

  return (id: ActionId, resource: Resource, refs: ObjectRef[], { onDeleted, replicas }: Options = {}) => {
    const ref = refs[0];
    if (!ref || !actionsFor(resource).some((action) => action.id === id)) return;
    const names = refs.length === 1 ? ref.name : tn('objects', refs.length);
    switch (id) {
      case 'logs':
      case 'shell':
      case 'edit':
      case 'forward':
        dock.open(id, ref);
        break;
      case 'scale':
        openDialog(<ScaleDialog refs={refs} proposed={replicas} />);
        break;
      case 'delete':
        openDialog(<DeleteDialog resource={resource} refs={refs} all={resources} onDone={onDeleted} />);
        break;
      case 'drain':
        openDialog(<DrainDialog node={ref} />);
        break;
      case 'kill':
      case 'remove':
        openDialog(<NodeDialog node={ref} action={id} />);
        break;
      case 'start':
        void attempt(() => clusterAction(ref.cluster, { action: 'start-node', node: ref.name }), t('started'));
        break;
      case 'restart':
        openDialog(
          <Dialog
            title={t('restart.title', { names })}
            description={t('restart.text')}
            confirm={{
              label: t('action.restart'),
              run: () => patch(refs, restartPatch(new Date().toISOString())),
              good: t('done.restart', { names }),
            }}
          />,
        );
        break;
      case 'suspend':
      case 'resume':
        void patchAll(refs, { spec: { suspend: id === 'suspend' } }, t(`done.${id}`, { names }));
        break;
      case 'pause':
      case 'continue':
        void patchAll(refs, { spec: { paused: id === 'pause' || null } }, t(`done.${id}`, { names }));
        break;
      case 'cordon':
      case 'uncordon':
        void patchAll(refs, { spec: { unschedulable: id === 'cordon' || null } }, t(`done.${id}`, { names }));
        break;
      case 'copy':
        void attempt(() => navigator.clipboard.writeText(refs.map(({ name }) => name).join('\n')), t('copied'));
        break;
      case 'command':
        void attempt(() => navigator.clipboard.writeText(kubectlCommand(resource, refs)), t('copied'));
        break;
      case 'trigger':
      case 'rerun':
        void attempt(async () => {
          const job = (id === 'trigger' ? jobFrom : jobAgain)(await getObject(ref), Date.now().toString(36));
          const made = await createObject(ref.cluster, JOBS, ref.namespace, job);
          navigate(links.object({ ...JOBS, namespace: ref.namespace, name: made.metadata.name }));
        });
    }
  };
}
