import './volumes.css';
import {
  ArrowUp,
  Download,
  File as FileIcon,
  FilePlus,
  Folder,
  FolderPlus,
  Link,
  LoaderCircle,
  RotateCw,
  Save,
  Trash2,
  Upload,
} from 'lucide-react';
import { useState } from 'react';
import { Dialog } from '../../components/Dialog';
import { Button, Empty, IconButton } from '../../components/parts';
import { useI18n } from '../../i18n';
import { openDialog } from '../../store/ui';
import { CodeBox } from '../editor/CodeBox';
import { Failure, Panel } from '../parts';
import { bytesText } from '../units';
import { type Entry, wrongName } from './files';
import { type Files, type OpenFile, useFiles } from './useFiles';
import { useVolume, type Volume } from './useVolume';

const ICONS = { folder: Folder, file: FileIcon, link: Link, other: FileIcon };

/** Browses and edits the files of a volume. */
export default function VolumeBrowser({
  cluster,
  namespace,
  claim,
}: {
  cluster: string;
  namespace: string;
  claim: string;
}) {
  const { t } = useI18n();
  const { volume: now, error } = useVolume(cluster, namespace, claim);
  // The pod that lends the way may go at any time: what is open stays until there is another.
  const [volume, setVolume] = useState(now);
  if (now !== null && now !== volume) setVolume(now);
  if (volume === null) {
    return (
      <Panel label={t('panel.volume.title', { claim })} notes={<Failure error={error} />}>
        {error === '' && (
          <p className="empty" role="status">
            {t('panel.volume.finding')}
          </p>
        )}
      </Panel>
    );
  }
  return (
    <Browser
      volume={volume}
      reachable={now !== null}
      problem={error}
      claim={claim}
      id={`file ${cluster}/${namespace}/${claim}`}
    />
  );
}

interface BrowserProps {
  volume: Volume;
  /** Whether the way to the files stands. */
  reachable: boolean;
  problem: string;
  claim: string;
  /** What the drafts of its files are kept by. */
  id: string;
}

function Browser({ volume, reachable, problem, claim, id }: BrowserProps) {
  const { t } = useI18n();
  const files = useFiles(volume, id);
  const { folder, busy, open } = files;
  return (
    <Panel
      label={t('panel.volume.title', { claim })}
      bar={
        <>
          <IconButton
            label={t('panel.volume.up')}
            disabled={folder === ''}
            onClick={() => files.enter(folder.split('/').slice(0, -1).join('/'))}
          >
            <ArrowUp />
          </IconButton>
          <span className="mono grow cut">{folder || '/'}</span>
          {busy && <LoaderCircle className="spin late" width={16} role="img" aria-label={t('loading')} />}
          <IconButton
            label={t('panel.volume.refresh')}
            disabled={busy || !reachable}
            onClick={() => void files.refresh()}
          >
            <RotateCw />
          </IconButton>
          {!volume.readOnly && <NewFiles files={files} />}
        </>
      }
      notes={
        <>
          {!reachable && (
            <p className="note warn" role="status">
              {t('panel.volume.lost')}
            </p>
          )}
          <Failure error={files.error || problem} />
        </>
      }
      foot={
        <>
          {reachable && <span>{t('panel.volume.through', { pod: volume.through })}</span>}
          {volume.readOnly && <span className="chip">{t('panel.volume.readOnly')}</span>}
        </>
      }
    >
      <div className="panel-split" aria-busy={busy}>
        <FileList files={files} readOnly={volume.readOnly} />
        {open === null ? (
          <Empty title={t('panel.volume.pick')} />
        ) : (
          <FileText files={files} file={open} readOnly={volume.readOnly} reachable={reachable} />
        )}
      </div>
    </Panel>
  );
}

/** What can come into the folder. */
function NewFiles({ files }: { files: Files }) {
  const { t } = useI18n();
  const { entries } = files;
  const upload = (chosen: File[]) => {
    const known = chosen.map(({ name }) => name).filter((name) => entries.some((entry) => entry.name === name));
    if (known.length === 0) return files.upload(chosen);
    ask(t('panel.volume.replace', { names: known.join(', ') }), t('panel.volume.overwrite'), () =>
      files.upload(chosen),
    );
  };
  const askName = (title: string, onName: (name: string) => Promise<void>) =>
    openDialog(<NameDialog title={title} entries={entries} onName={onName} />);
  return (
    <>
      <label className="button small">
        <Upload /> {t('panel.config.upload')}
        <input
          type="file"
          multiple
          className="hidden-text"
          onChange={({ currentTarget }) => {
            void upload([...(currentTarget.files ?? [])]);
            // The same file may be chosen again.
            currentTarget.value = '';
          }}
        />
      </label>
      <Button look="small" onClick={() => askName(t('panel.volume.newFile'), files.newFile)}>
        <FilePlus /> {t('panel.volume.newFile')}
      </Button>
      <Button look="small" onClick={() => askName(t('panel.volume.newFolder'), files.newFolder)}>
        <FolderPlus /> {t('panel.volume.newFolder')}
      </Button>
    </>
  );
}

function FileList({ files, readOnly }: { files: Files; readOnly: boolean }) {
  const { t } = useI18n();
  const { entries, busy, open } = files;
  const remove = (entry: Entry) =>
    ask(t('panel.volume.confirm', { name: entry.name }), t('action.delete'), () => files.remove(entry));
  return (
    <nav aria-label={t('tab.files')}>
      {entries.length === 0 && !busy && <Empty title={t('panel.volume.empty')} />}
      <ul>
        {entries.map((entry) => (
          <li key={entry.name} className="file">
            <FileRow entry={entry} chosen={open?.name === entry.name} onOpen={() => files.show(entry)} />
            <IconButton
              look="small"
              label={t('panel.volume.download', { name: entry.name })}
              onClick={() => void files.saveAsFile(entry)}
            >
              <Download />
            </IconButton>
            {!readOnly && (
              <IconButton
                look="small"
                label={t('panel.volume.remove', { name: entry.name })}
                onClick={() => remove(entry)}
              >
                <Trash2 />
              </IconButton>
            )}
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface TextProps {
  files: Files;
  file: OpenFile;
  readOnly: boolean;
  reachable: boolean;
}

function FileText({ files, file: { name, text }, readOnly, reachable }: TextProps) {
  const { t } = useI18n();
  const { dirty, busy } = files;
  const save = () =>
    void files.save((write) => ask(t('panel.volume.changed', { name }), t('panel.volume.overwrite'), write));
  return (
    <div className="file-text">
      <div className="row tight file-head">
        <h2 className="mono grow cut">{name}</h2>
        {dirty && (
          <>
            <span className="chip">{t('panel.editor.unsaved')}</span>
            <Button look="small" disabled={busy || !reachable} onClick={() => void files.discard(name)}>
              {t('panel.editor.discard')}
            </Button>
          </>
        )}
        <Button look="primary small" disabled={!dirty || busy || readOnly || !reachable} onClick={save}>
          <Save /> {t('panel.editor.save')}
        </Button>
      </div>
      {text === null ? (
        <Empty title={t('panel.volume.noText')} />
      ) : (
        <CodeBox
          key={`${readOnly} ${files.draftOf(name)}`}
          label={name}
          value={text}
          readOnly={readOnly}
          onChange={files.type}
          onSave={save}
        />
      )}
    </div>
  );
}

/** Asks before something is lost. */
const ask = (title: string, label: string, run: () => Promise<void>) =>
  openDialog(<Dialog title={title} confirm={{ label, danger: true, run }} />);

interface NameProps {
  title: string;
  entries: Entry[];
  onName: (name: string) => Promise<void>;
}

function NameDialog({ title, entries, onName }: NameProps) {
  const { t } = useI18n();
  const [name, setName] = useState('');
  const wrong = wrongName(name, entries);
  return (
    <Dialog title={title} confirm={{ label: t('create'), disabled: wrong !== '', run: () => onName(name) }}>
      <label className="field">
        <span>{t('name')}</span>
        <input
          className="input mono"
          value={name}
          onChange={(event) => setName(event.target.value)}
          aria-invalid={name !== '' && wrong !== ''}
          aria-describedby="name-wrong"
        />
        <span id="name-wrong" className="bad">
          {name !== '' && wrong && t(wrong)}
        </span>
      </label>
    </Dialog>
  );
}

function FileRow({ entry, chosen, onOpen }: { entry: Entry; chosen: boolean; onOpen: () => void }) {
  const { date } = useI18n();
  const Icon = ICONS[entry.type];
  return (
    <button
      type="button"
      className="pick"
      aria-current={chosen}
      title={`${entry.mode} ${date(entry.changed)}`}
      onClick={onOpen}
    >
      <Icon aria-hidden="true" size={16} />
      <span className="grow mono cut">{entry.name}</span>
      {entry.type === 'file' && <span className="faint small">{bytesText(entry.size)}</span>}
    </button>
  );
}
