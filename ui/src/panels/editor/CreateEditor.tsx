import { useEffect, useMemo, useState } from 'react';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { ApiError } from '../../api/http';
import { getPath, patchObject } from '../../api/k8s';
import { Button } from '../../components/parts';
import { useI18n } from '../../i18n';
import { Failure, messageOf, Panel } from '../parts';
import { CodeBox } from './CodeBox';
import { parseAll } from './document';
import { Drafts } from './drafts';
import { schemasOf } from './knowledge';
import { yamlLanguage } from './language';
import { filled } from './skeleton';

interface Props {
  cluster: string;
  namespace: string;
  initial?: string;
  /** What the draft is kept by beside the cluster: that of one kind is none of another. */
  draft?: string;
  onSaved?: (objects: KubeObject[]) => void;
}

interface Outcome {
  id: string;
  state: 'valid' | 'applied' | 'failed' | 'owned';
  message: string;
}

type ApiResources = { resources: { name: string; kind: string; namespaced: boolean }[] };

/** Finds where a kind is served. Throws what the server says of a version or kind it does not have. */
async function locate(cluster: string, object: KubeObject, namespace: string): Promise<ObjectRef> {
  const [first = '', second] = object.apiVersion.split('/');
  const [group, version] = second === undefined ? ['', first] : [first, second];
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const { resources } = await getPath<ApiResources>(cluster, path);
  const found = resources.find(({ kind, name }) => kind === object.kind && !name.includes('/'));
  if (found === undefined) throw new Error(`no kind "${object.kind}" in ${object.apiVersion}`);
  const where = found.namespaced ? object.metadata.namespace || namespace || 'default' : '';
  return { cluster, group, version, resource: found.name, namespace: where, name: object.metadata.name };
}

/** Creates or changes whatever the text has, one document or many, by server-side apply. */
export default function CreateEditor({ cluster, namespace, initial = '', draft = '', onSaved }: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const [drafts] = useState(() => new Drafts(localStorage));
  const draftId = `new ${cluster} ${draft}`;
  const [start, setStart] = useState(initial);
  const [text, setText] = useState(() => drafts.get(draftId)?.text || initial);
  const [outcomes, setOutcomes] = useState<Outcome[]>([]);
  const [busy, setBusy] = useState(false);
  const schemas = useMemo(() => schemasOf(cluster), [cluster]);
  const language = useMemo(() => yamlLanguage(schemas, i18n), [schemas, i18n]);
  const parsed = useMemo(() => parseAll(text), [text]);
  const secret = parsed.ok && parsed.objects.some(({ kind }) => kind === 'Secret');

  useEffect(() => {
    let current = true;
    filled(schemas, initial).then(
      (better) => {
        if (!current) return;
        setStart(better);
        // What somebody typed meanwhile stays.
        setText((now) => (now === initial ? better : now));
      },
      // Without the schema there is still the template.
      () => {},
    );
    return () => {
      current = false;
    };
  }, [schemas, initial]);

  useEffect(() => {
    if (text === '' || text === start || text === initial || secret) drafts.remove(draftId);
    else drafts.set(draftId, { base: '{}', text });
  }, [text, start, initial, secret, drafts, draftId]);

  const send = async (dry: boolean, force: boolean) => {
    if (!parsed.ok) return;
    setBusy(true);
    const done: KubeObject[] = [];
    const results: Outcome[] = [];
    for (const object of parsed.objects) {
      const id = `${object.kind} ${object.metadata.name}`;
      try {
        const ref = await locate(cluster, object, namespace);
        const query = { fieldValidation: 'Strict', force, ...(dry ? { dryRun: 'All' } : {}) };
        done.push(await patchObject(ref, 'apply', object, '', query));
        results.push({ id, state: dry ? 'valid' : 'applied', message: '' });
      } catch (error) {
        const owned = error instanceof ApiError && error.reason === 'Conflict';
        results.push({ id, state: owned ? 'owned' : 'failed', message: messageOf(error) });
      }
    }
    setOutcomes(results);
    setBusy(false);
    if (!dry && done.length === parsed.objects.length) {
      drafts.remove(draftId);
      onSaved?.(done);
    }
  };

  const disabled = busy || !parsed.ok || parsed.objects.length === 0;
  return (
    <Panel
      label={t('panel.create.title')}
      bar={
        <>
          <Button look="primary" disabled={disabled} onClick={() => void send(false, false)}>
            {t('panel.create.apply')}
          </Button>
          <Button disabled={disabled} onClick={() => void send(true, false)}>
            {t('panel.create.check')}
          </Button>
          {outcomes.some(({ state }) => state === 'owned') && (
            <Button look="danger" disabled={disabled} onClick={() => void send(false, true)}>
              {t('panel.create.takeOver')}
            </Button>
          )}
        </>
      }
      notes={
        <>
          {!parsed.ok && <Failure error={t('panel.editor.line', { line: parsed.line, message: parsed.message })} />}
          {outcomes.length > 0 && (
            <ul className={`note ${outcomes.some(({ message }) => message !== '') ? 'bad' : ''}`} role="status">
              {outcomes.map(({ id, state, message }) => (
                <li key={id}>
                  <strong>{id}</strong> {t(`panel.create.${state}`)} {message}
                </li>
              ))}
            </ul>
          )}
        </>
      }
      foot={<span>{parsed.ok ? i18n.tn('panel.create.objects', parsed.objects.length) : ''}</span>}
    >
      <CodeBox
        label={t('panel.create.title')}
        value={text}
        onChange={setText}
        extensions={language}
        onSave={() => void send(true, false)}
      />
    </Panel>
  );
}
