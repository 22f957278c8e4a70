import type { KubeObject } from '../../api/contract';
import { Age } from '../../components/Age';
import { Card, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { type Container, type ContainerStatus, containerState, containersOf } from '../../kinds/read';

/** The containers of a pod with their states, or those that a workload's pods will have. */
export function Containers({ object }: { object: KubeObject }) {
  const { t } = useI18n();
  const containers = containersOf(object);
  if (containers.length === 0) return null;
  const statuses: ContainerStatus[] = [
    ...(object.status?.initContainerStatuses ?? []),
    ...(object.status?.containerStatuses ?? []),
  ];
  return (
    <Card title={t('containers')}>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t('name')}</th>
            {object.kind === 'Pod' && <th scope="col">{t('state')}</th>}
            <th scope="col">{t('image')}</th>
            <th scope="col">{t('ports')}</th>
            <th scope="col">{t('resources')}</th>
          </tr>
        </thead>
        <tbody>
          {containers.map((container) => (
            <tr key={container.name}>
              <td>{container.name}</td>
              {object.kind === 'Pod' && (
                <td>
                  <State status={statuses.find(({ name }) => name === container.name)} />
                </td>
              )}
              <td className="mono small wrap">{container.image}</td>
              <td>{(container.ports ?? []).map(({ containerPort }) => containerPort).join(', ')}</td>
              <td className="small">{amounts(container)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function State({ status }: { status: ContainerStatus | undefined }) {
  const { tn } = useI18n();
  const { text, health } = containerState(status);
  const last = status?.lastState?.terminated;
  return (
    <>
      <HealthMark health={health}>{text}</HealthMark>
      {status && status.restartCount > 0 && (
        <div className="soft small">
          {tn('restarts', status.restartCount)}
          {last && (
            <>
              {' · '}
              {last.reason} ({last.exitCode}) <Age since={last.finishedAt} />
            </>
          )}
        </div>
      )}
      {status?.state?.waiting?.message && <div className="soft small wrap">{status.state.waiting.message}</div>}
    </>
  );
}

/** `cpu 100m–1, memory 64Mi`: requests and limits. */
function amounts({ resources }: Container): string {
  const names = [...new Set([...Object.keys(resources?.requests ?? {}), ...Object.keys(resources?.limits ?? {})])];
  return names
    .map((name) => {
      const [request, limit] = [resources?.requests?.[name], resources?.limits?.[name]];
      return `${name} ${request ?? ''}${limit && limit !== request ? `–${limit}` : ''}`;
    })
    .join(', ');
}
