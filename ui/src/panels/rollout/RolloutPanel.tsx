import { useMemo, useState } from 'react';
import { stringify } from 'yaml';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { messageOf } from '../../api/http';
import { patchObject } from '../../api/k8s';
import { Button, Empty } from '../../components/parts';
import { useI18n } from '../../i18n';
import { selectorText } from '../../kinds/selectors';
import { useObject } from '../../store/hooks';
import { useObjects } from '../../store/objects';
import { DiffBox } from '../editor/DiffBox';
import { Failure, Loading, Panel } from '../parts';
import { type Revision, revisionsOf, undoPatch } from './history';

/** The history of a workload's rollouts: what each changed, and the way back. */
export default function RolloutPanel({ target }: { target: ObjectRef }) {
  const { data, error } = useObject(target);
  if (data) return <History target={target} workload={data} />;
  return error ? <Failure error={error} /> : <Loading />;
}

function History({ target, workload }: { target: ObjectRef; workload: KubeObject }) {
  const { t } = useI18n();
  const resource = target.resource === 'deployments' ? 'replicasets' : 'controllerrevisions';
  const owned = useObjects({
    cluster: target.cluster,
    group: 'apps',
    version: 'v1',
    resource,
    namespaces: [target.namespace],
    labelSelector: resource === 'replicasets' ? selectorText(workload.spec?.selector ?? {}) : '',
  });
  const [chosen, setChosen] = useState<number | null>(null);
  const [state, setState] = useState({ busy: false, error: '' });
  const revisions = useMemo(() => revisionsOf(workload, owned.objects), [workload, owned.objects]);
  if (!owned.loaded) return owned.error ? <Failure error={owned.error} /> : <Loading />;
  const current = revisions.find((one) => one.current);
  const revision = revisions.find(({ number }) => number === chosen) ?? revisions[1] ?? current;
  if (current === undefined || revision === undefined) return <Empty title={t('panel.rollout.none')} />;
  const only = revisions.length === 1;
  const undo = async () => {
    setState({ busy: true, error: '' });
    try {
      const { type, body } = undoPatch(revision);
      await patchObject(target, type, body);
      setState({ busy: false, error: '' });
    } catch (error) {
      setState({ busy: false, error: messageOf(error) });
    }
  };
  return (
    <Panel
      label={t('panel.rollout.title', { name: target.name })}
      bar={
        only ? null : (
          <>
            <Button look="primary" disabled={revision.current || state.busy} onClick={() => void undo()}>
              {t('panel.rollout.undo', { number: revision.number })}
            </Button>
            <span className="soft">{t('panel.rollout.compared', { from: current.number, to: revision.number })}</span>
          </>
        )
      }
      notes={<Failure error={state.error} />}
    >
      <div className="panel-split">
        <nav aria-label={t('panel.rollout.revisions')}>
          {revisions.map((one) => (
            <Pick key={one.number} revision={one} chosen={one === revision} onPick={() => setChosen(one.number)} />
          ))}
        </nav>
        {only ? (
          <Empty title={t('panel.rollout.only')}>{t('panel.rollout.onlyText')}</Empty>
        ) : (
          <DiffBox
            label={t('panel.editor.difference')}
            before={stringify(current.template, { lineWidth: 0 })}
            after={stringify(revision.template, { lineWidth: 0 })}
          />
        )}
      </div>
    </Panel>
  );
}

function Pick({ revision, chosen, onPick }: { revision: Revision; chosen: boolean; onPick: () => void }) {
  const { t, ago } = useI18n();
  const { metadata } = revision.object;
  return (
    <button type="button" className="pick" aria-current={chosen} onClick={onPick}>
      <span className="grow" style={{ minWidth: 0 }}>
        <span className="row tight">
          <strong>#{revision.number}</strong>
          {revision.current && <span className="chip">{t('panel.rollout.current')}</span>}
          <span className="soft small">{metadata.creationTimestamp && ago(metadata.creationTimestamp)}</span>
        </span>
        <span className="mono small cut" style={{ display: 'block' }}>
          {revision.images.join(', ')}
        </span>
        {revision.cause !== '' && <span className="small">{revision.cause}</span>}
      </span>
    </button>
  );
}
