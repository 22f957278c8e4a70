import { useCallback, useRef, useState } from 'react';
import type { KubeObject } from '../../api/contract';
import { messageOf } from '../../api/http';
import { patchObject } from '../../api/k8s';
import { Button } from '../../components/parts';
import { useI18n } from '../../i18n';
import { NODES, PODS } from '../../kinds/gvrs';
import { useObject } from '../../store/hooks';
import { Failure, Loading, Panel } from '../parts';
import { debugImage, debugName, preferred, toEnter } from './containers';
import { Terminal } from './Terminal';
import { hasNoShell, SHELL } from './terminal';

interface Props {
  cluster: string;
  namespace: string;
  pod: string;
}

/** A shell in a container of a pod, or in a debug container beside it. */
export default function ShellPanel({ cluster, namespace, pod }: Props) {
  const { t } = useI18n();
  const view = useObject({ cluster, ...PODS, namespace, name: pod });
  const [chosen, setChosen] = useState<string>();
  const [debugging, setDebugging] = useState(false);
  const [noShell, setNoShell] = useState(false);
  const object = view.data;
  // What a container said before it ended stays to be read, and its next run is gone into.
  const ran = useRef('');
  const onFailed = useCallback((message: string) => setNoShell(hasNoShell(message)), []);
  if (object === undefined) return view.error ? <Failure error={view.error} /> : <Loading />;
  if (object === null) return <Failure error={t('panel.shell.gone', { pod })} />;
  const all = toEnter(object);
  const name = preferred(object, chosen);
  const current = all.find((one) => one.name === name);
  const bar = (
    <>
      <label className="row tight">
        {t('container')}
        <select className="input" value={name} onChange={(event) => setChosen(event.target.value)}>
          {all.map((one) => (
            <option key={one.name} value={one.name} disabled={!one.running}>
              {one.name}
              {one.kind === 'app' ? '' : ` (${t(`panel.shell.${one.kind}`)})`}
            </option>
          ))}
        </select>
      </label>
      <Button onClick={() => setDebugging(!debugging)} aria-expanded={debugging}>
        {t('panel.shell.addDebug')}
      </Button>
      {debugging && (
        <DebugForm
          pod={object}
          cluster={cluster}
          beside={name}
          onAdded={(added) => {
            setChosen(added);
            setDebugging(false);
          }}
        />
      )}
    </>
  );
  if (current?.running) ran.current = name;
  if (!current || ran.current !== name) {
    return (
      <Panel label={t('panel.shell.title', { name: pod })} bar={bar}>
        <p className="empty" role="status">
          {t('panel.shell.notRunning', { container: name })}
        </p>
      </Panel>
    );
  }
  const place = { cluster, namespace, pod, container: name };
  return (
    <div style={{ display: 'flex', flexDirection: 'column', height: '100%' }}>
      {!current.running && (
        <p className="note warn" role="status">
          {t('panel.shell.notRunning', { container: name })}
        </p>
      )}
      {noShell && <Failure error={t('panel.shell.noShell')} />}
      <Terminal
        key={name}
        label={t('panel.shell.title', { name: pod })}
        place={place}
        life={current.since}
        {...(current.kind === 'debug' ? {} : { command: SHELL })}
        bar={bar}
        onFailed={onFailed}
      />
    </div>
  );
}

interface DebugProps {
  pod: KubeObject;
  cluster: string;
  /** The container that is looked at. */
  beside: string;
  onAdded: (name: string) => void;
}

function DebugForm({ pod, cluster, beside, onAdded }: DebugProps) {
  const { t } = useI18n();
  const nodeName = String(pod.spec?.nodeName ?? '');
  const node = { cluster, ...NODES, namespace: '', name: nodeName };
  const found = debugImage(useObject(nodeName === '' ? null : node).data);
  const [typed, setImage] = useState<string | null>(null);
  const image = typed ?? found;
  const targets = toEnter(pod).filter(({ kind }) => kind === 'app');
  const [target, setTarget] = useState(targets.some(({ name }) => name === beside) ? beside : '');
  const [error, setError] = useState('');
  const add = async () => {
    const name = debugName(pod);
    const aim = target === '' ? {} : { targetContainerName: target };
    const extra = { name, image, ...aim, stdin: true, tty: true, imagePullPolicy: 'IfNotPresent' };
    const { namespace = '', name: podName } = pod.metadata;
    const ref = { cluster, ...PODS, namespace, name: podName };
    try {
      await patchObject(ref, 'strategic', { spec: { ephemeralContainers: [extra] } }, 'ephemeralcontainers');
      setError('');
      onAdded(name);
    } catch (failure) {
      setError(messageOf(failure));
    }
  };
  return (
    <form
      className="row tight"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <label className="row tight">
        {t('image')}
        <input className="input" value={image} onChange={(event) => setImage(event.target.value)} required />
      </label>
      <label className="row tight">
        {t('panel.shell.target')}
        <select className="input" value={target} onChange={(event) => setTarget(event.target.value)}>
          {targets.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
          <option value="">{t('panel.shell.noTarget')}</option>
        </select>
      </label>
      <Button look="primary" type="submit">
        {t('panel.shell.start')}
      </Button>
      <Failure error={error} />
    </form>
  );
}
