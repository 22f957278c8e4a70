import { useState } from 'react';
import type { ObjectRef } from '../../api/contract';
import { Staleness } from '../../components/Live';
import { Button, Empty } from '../../components/parts';
import { useI18n } from '../../i18n';
import { toast } from '../../store/ui';
import { Failure, Loading, Panel, Restored } from '../parts';
import { bytesText } from '../units';
import { changedKeys, fromBytes, isDirty, keyFault, set, settle, sizeOf, tooLarge } from './entries';
import { type EntriesEdit, useEntries } from './useEntries';
import { ValueEditor } from './ValueEditor';

interface Props {
  target: ObjectRef;
  kind: 'ConfigMap' | 'Secret';
  /** Drawn below the values. */
  below?: React.ReactNode;
}

/** Edits a ConfigMap or Secret key by key. */
export function DataEditor({ target, kind, below }: Props) {
  const { t, tn } = useI18n();
  const edit = useEntries(target, kind);
  const [chosen, setChosen] = useState('');
  const { object, entries } = edit;
  const gone = object === null;
  if (entries === null)
    return gone || edit.view.error ? <Failure error={gone ? t('panel.editor.gone') : edit.view.error} /> : <Loading />;
  const keys = [...new Set([...Object.keys(entries.base), ...Object.keys(entries.mine)])].sort();
  const key = keys.includes(chosen) ? chosen : (keys[0] ?? '');
  const immutable = object?.immutable === true;
  const changed = changedKeys(entries);
  const large = tooLarge(entries.mine);
  return (
    <Panel
      label={t('panel.config.title', { name: target.name })}
      bar={
        <>
          <Button
            look="primary"
            disabled={gone || immutable || edit.busy || large || !isDirty(entries) || entries.conflicts.length > 0}
            onClick={() => void edit.save()}
          >
            {t('panel.editor.save')}
          </Button>
          <Button disabled={!isDirty(entries)} onClick={edit.discard}>
            {t('panel.editor.discard')}
          </Button>
          <span role="status">{changed.length > 0 && tn('panel.config.changed', changed.length)}</span>
          <span className="grow" />
          <Staleness brief state={edit.view} />
        </>
      }
      notes={
        <>
          <Failure error={edit.error === 'conflict' ? t('panel.editor.merged') : edit.error} />
          {gone && <Failure error={t('panel.editor.gone')} />}
          <Restored time={edit.restored} discard={edit.discard} />
          {large && <Failure error={t('panel.config.tooLarge')} />}
          {immutable && <div className="note warn">{t('panel.config.immutable')}</div>}
        </>
      }
    >
      <div className="panel-split">
        <nav aria-label={t('panel.config.keys')}>
          {keys.map((one) => (
            <button key={one} type="button" className="pick" aria-current={one === key} onClick={() => setChosen(one)}>
              <span className="grow mono cut">{one}</span>
              <KeyState edit={edit} name={one} />
            </button>
          ))}
          {!immutable && <NewKey edit={edit} onAdded={setChosen} />}
        </nav>
        <div className="config-value">
          {entries.conflicts.includes(key) && <Conflict edit={edit} name={key} />}
          {key === '' ? (
            <Empty title={t('panel.config.none')} />
          ) : (
            <ValueEditor
              key={`${key} ${key in entries.mine}`}
              name={key}
              value={entries.mine[key]}
              base={entries.base[key]}
              hidden={kind === 'Secret'}
              readOnly={immutable}
              onChange={(value) => edit.change((current) => set(current, key, value))}
            />
          )}
          {below}
        </div>
      </div>
    </Panel>
  );
}

function KeyState({ edit, name }: { edit: EntriesEdit; name: string }) {
  const { t } = useI18n();
  if (edit.entries === null) return null;
  const { base, mine, conflicts } = edit.entries;
  if (conflicts.includes(name)) return <span className="chip">{t('panel.config.conflict')}</span>;
  if (!(name in mine)) return <span className="chip">{t('panel.config.removed')}</span>;
  if (!(name in base)) return <span className="chip">{t('panel.config.new')}</span>;
  if (base[name] !== mine[name]) return <span className="chip">{t('panel.config.edited')}</span>;
  return <span className="faint small">{bytesText(sizeOf(mine[name] ?? ''))}</span>;
}

function Conflict({ edit, name }: { edit: EntriesEdit; name: string }) {
  const { t } = useI18n();
  return (
    <div className="note bad row" role="alert">
      <span className="grow">{t('panel.config.conflictText', { key: name })}</span>
      <Button look="small" onClick={() => edit.change((current) => settle(current, name, 'mine'))}>
        {t('panel.editor.keepMine')}
      </Button>
      <Button look="small" onClick={() => edit.change((current) => settle(current, name, 'theirs'))}>
        {t('panel.editor.takeTheirs')}
      </Button>
    </div>
  );
}

function NewKey({ edit, onAdded }: { edit: EntriesEdit; onAdded: (key: string) => void }) {
  const { t } = useI18n();
  const [name, setName] = useState('');
  const fault = keyFault(name, edit.entries?.mine ?? {});
  const add = (key: string, value: string) => {
    edit.change((current) => set(current, key, value));
    onAdded(key);
    setName('');
  };
  return (
    <form
      className="stack config-new"
      onSubmit={(event) => {
        event.preventDefault();
        if (fault === null) add(name, '');
      }}
    >
      <label className="field">
        <span>{t('panel.config.newKey')}</span>
        <input
          className="input mono"
          value={name}
          aria-invalid={name !== '' && fault !== null}
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      {name !== '' && fault !== null && <span className="small">{t(`panel.config.fault.${fault}`)}</span>}
      <div className="row tight">
        <Button type="submit" look="small" disabled={fault !== null}>
          {t('add')}
        </Button>
        <label className="button small">
          {t('panel.config.addFiles')}
          <input
            type="file"
            multiple
            className="hidden-text"
            onChange={async ({ target }) => {
              const files = [...(target.files ?? [])];
              // The same files again are a change as well.
              target.value = '';
              const taken = { ...edit.entries?.mine };
              for (const file of files) {
                const wrong = keyFault(file.name, taken);
                taken[file.name] = '';
                if (wrong === null) add(file.name, fromBytes(new Uint8Array(await file.arrayBuffer())));
                else toast('bad', `${file.name}: ${t(`panel.config.fault.${wrong}`)}`);
              }
            }}
          />
        </label>
      </div>
    </form>
  );
}
