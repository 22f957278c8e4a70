import { useEffect, useMemo, useState } from 'react';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { Button } from '../../components/parts';
import { useI18n } from '../../i18n';
import { Failure, Panel, Restored } from '../parts';
import { CodeBox, useOpened } from './CodeBox';
import { hasSecret, type Mode, make, type Outcome, replace } from './create';
import { DiffBox } from './DiffBox';
import { parseAll, toText } from './document';
import { Drafts } from './drafts';
import { schemasOf } from './knowledge';
import { yamlLanguage } from './language';
import { filled } from './skeleton';

interface Props {
  cluster: string;
  namespace: string;
  initial?: string;
  /** What the draft is kept by: that of one kind and cluster is none of another. */
  draft: string;
  /** What the new object takes the place of. */
  replaces?: ObjectRef;
  onSaved?: (objects: KubeObject[]) => void;
}

/** Creates whatever the text has, one document or many; what is there already is changed when that is wanted. */
export default function CreateEditor({ cluster, namespace, initial = '', draft, replaces, onSaved }: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const opened = useOpened();
  const [drafts] = useState(() => new Drafts(localStorage));
  const draftId = `new ${draft}`;
  const [start, setStart] = useState(initial);
  const [left] = useState(() => drafts.get(draftId));
  const [restored, setRestored] = useState(left?.text ? left.time : 0);
  const [text, setText] = useState(left?.text || initial);
  const [outcomes, setOutcomes] = useState<Outcome[]>([]);
  const [busy, setBusy] = useState(false);
  const [diff, setDiff] = useState(false);
  const schemas = useMemo(() => schemasOf(cluster), [cluster]);
  const language = useMemo(() => yamlLanguage(schemas, i18n), [schemas, i18n]);
  const parsed = useMemo(() => parseAll(text), [text]);
  const secret = hasSecret(text) || (parsed.ok && parsed.objects.some(({ kind }) => kind === 'Secret'));

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

  const send = async (mode: Mode) => {
    if (!parsed.ok || busy) return;
    setBusy(true);
    const results: Outcome[] = [];
    for (const object of parsed.objects)
      results.push(await (replaces ? replace(replaces, object) : make(cluster, object, namespace, mode)));
    setOutcomes(results);
    setBusy(false);
    const done = results.flatMap(({ state, after }) => (state === 'applied' && after ? [after] : []));
    if (done.length !== parsed.objects.length) return;
    drafts.remove(draftId);
    onSaved?.(done);
  };
  const discard = () => {
    setRestored(0);
    setText(start);
  };
  /** Files come in place of what was offered, and behind what was typed. */
  const bring = async (files: File[]) => {
    const texts = await Promise.all(files.map((file) => file.text()));
    const kept = text === start || text === '' ? [] : [text];
    setText([...kept, ...texts].map((one) => one.trimEnd()).join('\n---\n'));
  };

  const count = parsed.ok ? parsed.objects.length : 0;
  const disabled = busy || count === 0 || (replaces !== undefined && count > 1);
  const has = (state: Outcome['state']) => outcomes.some((outcome) => outcome.state === state);
  const changed = outcomes.filter(({ state }) => state === 'changes');
  const joined = (objects: (KubeObject | null | undefined)[]) =>
    objects.map((object) => (object ? toText(object) : '')).join('---\n');
  return (
    <Panel
      label={t('panel.create.title')}
      bar={
        <>
          <Button look="primary" disabled={disabled} onClick={() => void send('create')}>
            {t(replaces ? 'panel.create.replace' : 'create')}
          </Button>
          {!replaces && (
            <Button disabled={disabled} onClick={() => void send('check')}>
              {t('panel.create.check')}
            </Button>
          )}
          {(has('exists') || has('changes')) && (
            <Button disabled={disabled} onClick={() => void send('change')}>
              {t('panel.create.change')}
            </Button>
          )}
          {has('owned') && (
            <Button look="danger" disabled={disabled} onClick={() => void send('takeOver')}>
              {t('panel.create.takeOver')}
            </Button>
          )}
          {changed.length > 0 && (
            <Button aria-pressed={diff} onClick={() => setDiff(!diff)}>
              {t('panel.editor.difference')}
            </Button>
          )}
          <span className="grow" />
          <label className="button small">
            {t('panel.config.addFiles')}
            <input
              type="file"
              multiple
              accept=".yaml,.yml,.json"
              className="hidden-text"
              onChange={({ target }) => {
                const files = [...(target.files ?? [])];
                target.value = '';
                void bring(files);
              }}
            />
          </label>
        </>
      }
      notes={
        <>
          {!parsed.ok && <Failure error={t('panel.editor.line', { line: parsed.line, message: parsed.message })} />}
          <Restored time={restored} discard={discard} />
          {outcomes.length > 0 && (
            <ul className={`note ${outcomes.some(({ message }) => message !== '') ? 'bad' : ''}`} role="status">
              {outcomes.map(({ id, state, message }, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a text may have the same object twice.
                <li key={index}>
                  <strong>{id}</strong> {t(`panel.create.${state}`)} {message}
                </li>
              ))}
            </ul>
          )}
        </>
      }
      foot={<span>{parsed.ok ? i18n.tn('objects', parsed.objects.length) : ''}</span>}
    >
      {diff && changed.length > 0 ? (
        <DiffBox
          label={t('panel.editor.difference')}
          before={joined(changed.map(({ before }) => before))}
          after={joined(changed.map(({ after }) => after))}
        />
      ) : (
        <CodeBox
          label={t('panel.create.title')}
          value={text}
          onChange={(typed) => {
            setText(typed);
            setOutcomes([]);
          }}
          extensions={language}
          takesFocus={opened}
          onSave={() => !replaces && void send('check')}
        />
      )}
    </Panel>
  );
}
