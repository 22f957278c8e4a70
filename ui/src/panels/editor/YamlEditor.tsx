import { useMemo, useRef, useState } from 'react';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { Staleness } from '../../components/Live';
import { Button } from '../../components/parts';
import { useI18n } from '../../i18n';
import { Failure, Loading, Panel, Restored } from '../parts';
import { CodeBox, useOpened } from './CodeBox';
import { Conflicts } from './Conflicts';
import { DiffBox } from './DiffBox';
import { parse, rangeOf, toText } from './document';
import { EffectList } from './EffectList';
import { schemasOf } from './knowledge';
import { yamlLanguage } from './language';
import { isDirty, isPending, keepMine, revertTo, takeTheirs } from './session';
import { type Edit, useEdit } from './useEdit';
import { WholeObject } from './WholeObject';

/** Edits one object as YAML; see `session.ts` for how an edit and the living cluster go together. */
export default function YamlEditor({ target, docked = false }: { target: ObjectRef; docked?: boolean }) {
  const i18n = useI18n();
  const { t, date } = i18n;
  const edit = useEdit(target);
  const { session } = edit;
  const language = useMemo(() => yamlLanguage(schemasOf(target.cluster), i18n), [target.cluster, i18n]);
  const [whole, setWhole] = useState(false);
  const opened = useOpened();
  /** Whether the text was left for a look at something else. */
  const left = useRef(false);
  if (whole || edit.review !== null) left.current = true;
  const live = session?.marks;
  const text = session?.text ?? '';
  const marks = useMemo(
    () =>
      (live ?? []).flatMap(({ path, at }) => {
        const range = rangeOf(text, path);
        return range === null ? [] : [{ from: range.from, title: t('panel.editor.changedAt', { time: date(at) }) }];
      }),
    [live, text, t, date],
  );
  if (session === null) {
    if (edit.view.data === null) return <Failure error={t('panel.editor.gone')} />;
    return edit.view.error ? <Failure error={edit.view.error} /> : <Loading />;
  }
  if (whole && edit.view.data) return <WholeObject object={edit.view.data} onBack={() => setWhole(false)} />;
  if (edit.review !== null) return <ReviewPane edit={edit} />;
  return (
    <Panel
      label={t('panel.editor.title', { name: target.name })}
      bar={<Bar edit={edit} onWhole={() => setWhole(true)} />}
      notes={<Notes edit={edit} />}
      foot={<Foot edit={edit} />}
    >
      <CodeBox
        label={t('panel.editor.title', { name: target.name })}
        value={session.text}
        onChange={edit.typed}
        extensions={language}
        takesFocus={left.current || (docked && opened)}
        marks={marks}
        onSave={() => void edit.look()}
      />
    </Panel>
  );
}

function Bar({ edit, onWhole }: { edit: Edit; onWhole: () => void }) {
  const { t } = useI18n();
  const { session } = edit;
  if (session === null) return null;
  const dirty = isDirty(session);
  return (
    <>
      <Button look="primary" disabled={!edit.ready} onClick={() => void edit.look()} title="Ctrl+S">
        {t('panel.editor.review')}
      </Button>
      <Button disabled={!dirty} onClick={edit.discard}>
        {t('panel.editor.discard')}
      </Button>
      <Versions edit={edit} />
      <Button disabled={!edit.view.data} onClick={onWhole}>
        {t('panel.editor.whole')}
      </Button>
      <span className="grow" />
      <Staleness brief state={edit.view} />
    </>
  );
}

/** Earlier versions, each put into the text as an edit. */
function Versions({ edit }: { edit: Edit }) {
  const { t, ago } = useI18n();
  const earlier = edit.versions.slice(1);
  if (earlier.length === 0) return null;
  return (
    <select
      className="input"
      aria-label={t('panel.editor.undoTo')}
      value=""
      onChange={(event) => {
        const version = earlier[Number(event.target.value)];
        if (version !== undefined) edit.change((session) => revertTo(session, version.object));
      }}
    >
      <option value="" disabled>
        {t('panel.editor.undoTo')}
      </option>
      {earlier.map(({ revision, since }, index) => (
        <option key={revision} value={index}>
          {t('panel.editor.version', { ago: ago(since) })}
        </option>
      ))}
    </select>
  );
}

function Notes({ edit }: { edit: Edit }) {
  const { t } = useI18n();
  const { session, change } = edit;
  if (session === null) return null;
  return (
    <>
      <Failure error={edit.error} />
      {session.gone && (
        <div className="note bad" role="alert">
          {t('panel.editor.gone')}
        </div>
      )}
      {edit.merged && (
        <div className="note warn" role="status">
          {t('panel.editor.merged')}
        </div>
      )}
      {isPending(session) && (
        <div className="note warn" role="status">
          {t('panel.editor.pending')}
        </div>
      )}
      <Restored time={edit.restored} discard={edit.discard} />
      <Conflicts
        conflicts={session.conflicts}
        able={parse(session.text).ok}
        onMine={(conflict) => change((current) => keepMine(current, conflict))}
        onTheirs={(conflict) => change((current) => takeTheirs(current, conflict))}
      />
    </>
  );
}

function Foot({ edit }: { edit: Edit }) {
  const { t } = useI18n();
  const { session } = edit;
  if (session === null) return null;
  const parsed = parse(session.text);
  return (
    <>
      <span role="status">
        {parsed.ok
          ? t(isDirty(session) ? 'panel.editor.unsaved' : 'panel.editor.clean')
          : t('panel.editor.line', { line: parsed.line, message: parsed.message })}
      </span>
      <span className="grow" />
      <span>{t('panel.editor.keys')}</span>
    </>
  );
}

/** The last look before saving: what the server would make of it, and what follows. */
function ReviewPane({ edit }: { edit: Edit }) {
  const { t } = useI18n();
  const [before, after] = [toText(edit.review?.before as KubeObject), toText(edit.review?.after as KubeObject)];
  return (
    <Panel
      label={t('panel.editor.review')}
      bar={
        <>
          <Button look="primary" disabled={!edit.ready || before === after} onClick={() => void edit.save()} autoFocus>
            {t('panel.editor.save')}
          </Button>
          <Button onClick={edit.back}>{t('panel.editor.back')}</Button>
        </>
      }
      notes={
        <>
          <Failure error={edit.error} />
          <EffectList effects={edit.review?.effects ?? []} />
        </>
      }
    >
      <DiffBox label={t('panel.editor.difference')} before={before} after={after} />
    </Panel>
  );
}
