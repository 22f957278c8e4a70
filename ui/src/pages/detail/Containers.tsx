import { Fragment } from 'react';
import type { KubeObject } from '../../api/contract';
import { Age } from '../../components/Age';
import { Card, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { factName } from '../../i18n/others';
import { type Container, type ContainerStatus, containerState, containersOf } from '../../kinds/read';
import { containerFacts } from './containerFacts';
import { Sources } from './Volumes';

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
          {containers.map((container) => {
            const status = statuses.find(({ name }) => name === container.name);
            return (
              <Fragment key={container.name}>
                <tr>
                  <td>{container.name}</td>
                  {object.kind === 'Pod' && (
                    <td>
                      <State status={status} />
                    </td>
                  )}
                  <td className="mono small wrap">{container.image}</td>
                  <td>{(container.ports ?? []).map(({ containerPort }) => containerPort).join(', ')}</td>
                  <td className="small">{amounts(container)}</td>
                </tr>
                <More
                  container={container}
                  namespace={object.metadata.namespace ?? ''}
                  message={status?.state?.waiting?.message}
                />
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}

/** What needs more room than a cell: why a container waits, and what it is told, which is seen when asked for. */
function More({
  container,
  namespace,
  message,
}: {
  container: Container;
  namespace: string;
  message: string | undefined;
}) {
  const { t } = useI18n();
  const all = containerFacts(container);
  if (all.length === 0 && !message) return null;
  return (
    <tr className="continued">
      <td colSpan={5}>
        {message && <p className="soft small wrap">{message}</p>}
        {all.length > 0 && (
          <details className="small">
            <summary className="soft">{t('container.settings')}</summary>
            <dl className="facts">
              {all.map(([label, lines]) => (
                <div key={label}>
                  <dt>{factName(label, t)}</dt>
                  <dd className="mono">
                    {lines.map((line) => (
                      <div key={JSON.stringify(line)}>
                        <Sources of={line} namespace={namespace} />
                      </div>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </details>
        )}
      </td>
    </tr>
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
