import { ExternalLink, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { createForward, deleteForward, localAddress } from '../../api/agent';
import type { Forward, ObjectRef } from '../../api/contract';
import { messageOf } from '../../api/http';
import { Button, Command, CopyButton, Empty, HealthMark, IconButton } from '../../components/parts';
import { useI18n } from '../../i18n';
import { useHost } from '../../store/host';
import { Failure, Panel } from '../parts';
import { objectOf, usePorts, useServices } from './services';

interface Props {
  cluster: string;
  /** Without them those of the whole cluster are shown, and any can be made. */
  namespace?: string | undefined;
  target?: string;
  /** The address of an object. */
  href: (ref: Omit<ObjectRef, 'cluster'>) => string;
}

const HEALTH = { listening: 'ok', waiting: 'warn', failed: 'bad' } as const;

/** What of a cluster answers on this machine: made by hand, or by the agent for load balancers and node ports. */
export default function ForwardsPanel({ cluster, namespace, target, href }: Props) {
  const { t } = useI18n();
  const all = useHost((host) => host.forwards);
  const [error, setError] = useState('');
  const shown = all.filter(
    (one) =>
      one.cluster === cluster && (target === undefined || (one.namespace === namespace && one.target === target)),
  );
  const remove = (id: string) =>
    deleteForward(id).then(
      () => setError(''),
      (failure) => setError(messageOf(failure)),
    );
  return (
    <Panel
      label={t('panel.forwards.title')}
      bar={<NewForward cluster={cluster} namespace={namespace} target={target} />}
      notes={<Failure error={error} />}
    >
      {shown.length === 0 ? (
        <Empty title={t('panel.forwards.none')}>{t('panel.forwards.noneText')}</Empty>
      ) : (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t('state')}</th>
              <th scope="col">{t('panel.forwards.local')}</th>
              <th scope="col">{t('panel.forwards.target')}</th>
              <th scope="col">
                <span className="hidden-text">{t('panel.forwards.remove')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <ForwardRow key={one.id} forward={one} href={href} onRemove={() => void remove(one.id)} />
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

interface RowProps extends Pick<Props, 'href'> {
  forward: Forward;
  onRemove: () => void;
}

function ForwardRow({ forward, href, onRemove }: RowProps) {
  const { t, say } = useI18n();
  const address = localAddress(forward);
  return (
    <tr>
      <td>
        <HealthMark health={HEALTH[forward.state]}>{t(`panel.forwards.${forward.state}`)}</HealthMark>
        {forward.why && <div className="soft small">{say(forward.why)}</div>}
      </td>
      <td>
        <span className="row tight">
          {forward.state === 'listening' && forward.protocol === 'TCP' ? (
            <a href={`http://${address}/`} target="_blank" rel="noreferrer">
              {address} <ExternalLink size={12} aria-hidden="true" />
            </a>
          ) : (
            <span>{address}</span>
          )}
          <CopyButton text={address} />
        </span>
      </td>
      <td className="mono">
        {forward.namespace}/
        <Link href={href(objectOf(forward.namespace, forward.target))} className="among">
          {forward.target}
        </Link>
        :{forward.port}
        {forward.protocol === 'UDP' && <span className="chip">UDP</span>}
      </td>
      <td>
        {forward.automatic ? (
          <span className="chip">{t('panel.forwards.automatic')}</span>
        ) : (
          <IconButton label={t('panel.forwards.removeOne', { target: forward.target })} onClick={onRemove}>
            <Trash2 />
          </IconButton>
        )}
      </td>
    </tr>
  );
}

function NewForward({ cluster, namespace, target }: Omit<Props, 'href'>) {
  const { t } = useI18n();
  const [form, setForm] = useState({
    namespace: namespace ?? 'default',
    target: target ?? 'service/',
    port: null as string | null,
    local: '',
  });
  const ports = usePorts(cluster, form.namespace, target);
  const port = form.port ?? String(ports[0] ?? 80);
  const [error, setError] = useState('');
  const services = useServices(cluster, form.namespace);
  const change = (part: Partial<typeof form>) => setForm((old) => ({ ...old, ...part }));
  const add = async () => {
    try {
      const local = form.local === '' ? {} : { local: Number(form.local) };
      await createForward({
        cluster,
        namespace: form.namespace,
        target: form.target,
        port: Number(port),
        ...local,
      });
      setError('');
    } catch (failure) {
      setError(messageOf(failure));
    }
  };
  const command = `kubectl --context devcluster-${cluster} -n ${form.namespace} port-forward ${form.target} ${form.local || port}:${port}`;
  const field = (label: string, key: keyof typeof form, width: string, extra = {}) => (
    <label className="field">
      <span>{label}</span>
      <input
        className="input"
        style={{ width }}
        value={key === 'port' ? port : form[key]}
        onChange={({ target: { value } }) => {
          const known = key === 'target' && services.get(value);
          change(known ? { target: value, port: known } : { [key]: value });
        }}
        {...extra}
      />
    </label>
  );
  const digits = { inputMode: 'numeric', pattern: '[0-9]{1,5}' };
  return (
    <form
      className="row"
      style={{ alignItems: 'end', paddingBlock: '0.4rem' }}
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      {target === undefined && field(t('namespace'), 'namespace', '9rem', { required: true })}
      {target === undefined &&
        field(t('panel.forwards.target'), 'target', '14rem', { required: true, list: 'forward-targets' })}
      <datalist id="forward-ports">
        {ports.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <datalist id="forward-targets">
        {[...services.keys()].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {field(t('panel.forwards.port'), 'port', '6rem', { required: true, list: 'forward-ports', ...digits })}
      {field(t('panel.forwards.localPort'), 'local', '8rem', { placeholder: t('panel.forwards.any'), ...digits })}
      <Button type="submit" look="primary">
        {t('panel.forwards.add')}
      </Button>
      <Failure error={error} />
      {/.\/./.test(form.target) && <Command text={command} />}
    </form>
  );
}
