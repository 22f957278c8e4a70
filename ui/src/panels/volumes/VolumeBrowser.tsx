import { messageOf } from '../../api/http';
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
import { useCallback, useEffect, useState } from 'react';
import { Dialog } from '../../components/Dialog';
import { Button, Empty, IconButton } from '../../components/parts';
import { useI18n } from '../../i18n';
import { usePanelState } from '../../store/panelState';
import { openDialog } from '../../store/ui';
import { fromBytes, fromText, toBytes, toText } from '../config/entries';
import { CodeBox } from '../editor/CodeBox';
import { Drafts } from '../editor/drafts';
import { download, Failure, Panel } from '../parts';
import { bytesText } from '../units';
import { type Entry, entriesOf, join, wrongName } from './files';
import { useVolume, type Volume } from './useVolume';

const NO_ENTRIES: Entry[] = [];
/** Larger files are offered for download, not for editing. */
const EDITABLE = 1024 * 1024;
const ICONS = { folder: Folder, file: FileIcon, link: Link, other: FileIcon };

interface Open {
  name: string;
  /** As it was read, and as it is now; null for what is no text. */
  before: string;
  text: string | null;
}

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
  // Files may hold secrets, which never reach the disk.
  const [drafts] = useState(() => new Drafts(sessionStorage));
  const [{ folder, file }, look] = usePanelState({ folder: '', file: '' });
  /** What is in which folder. */
  const [listed, setListed] = useState<{ of: string; entries: Entry[] }>({ of: '', entries: [] });
  const entries = listed.of === folder ? listed.entries : NO_ENTRIES;
  const [open, setOpen] = useState<Open | null>(null);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);

  const attempt = useCallback(async (work: () => Promise<void>) => {
    setBusy(true);
    try {
      await work();
      setError('');
    } catch (failure) {
      setError(messageOf(failure));
    } finally {
      setBusy(false);
    }
  }, []);
  const path = useCallback((name = '') => join(volume.root, folder, name), [volume.root, folder]);
  const list = useCallback(async () => {
    const listing = await volume.run('list', [path()]);
    setListed({ of: folder, entries: entriesOf(new TextDecoder().decode(listing)) });
  }, [volume, path, folder]);
  useEffect(() => void attempt(list), [attempt, list]);
  const draftOf = useCallback((name: string) => id + join('/', folder, name), [id, folder]);
  const dirty = open !== null && open.text !== null && fromText(open.text) !== open.before;
  useEffect(() => {
    if (open === null || open.text === null) return;
    if (dirty) drafts.set(draftOf(open.name), { base: open.before, text: open.text });
    else drafts.remove(draftOf(open.name));
  }, [open, dirty, drafts, draftOf]);

  const read = useCallback(
    async (name: string) => {
      const before = fromBytes(await volume.run('read', [path(name)]));
      const draft = drafts.get(draftOf(name));
      setOpen({ name, before: draft?.base ?? before, text: draft?.text ?? toText(before) });
    },
    [volume, path, drafts, draftOf],
  );
  const enter = (folder: string) => {
    setOpen(null);
    look({ folder, file: '' });
  };
  const show = ({ type, name }: Entry) => (type === 'folder' ? enter(join('', folder, name)) : look({ file: name }));
  // The file that the address names, once it is known how large it is.
  const chosen = entries.find(({ name, type }) => name === file && type !== 'folder');
  const large = chosen !== undefined && chosen.size > EDITABLE;
  const shown = open?.name;
  useEffect(() => {
    if (chosen === undefined || chosen.name === shown) return;
    if (large) setOpen({ name: chosen.name, before: '', text: null });
    else void attempt(() => read(chosen.name));
  }, [chosen, large, shown, attempt, read]);
  const discard = (name: string) =>
    attempt(async () => {
      drafts.remove(draftOf(name));
      await read(name);
    });
  const change = (work: () => Promise<unknown>) =>
    attempt(async () => {
      await work();
      await list();
    });
  const save = () =>
    attempt(async () => {
      if (open === null || open.text === null) return;
      // The pod writes to the same file: what it wrote since it was read here is not overwritten unasked.
      const now = fromBytes(await volume.run('read', [path(open.name)]));
      const after = fromText(open.text);
      const write = async () => {
        await volume.run('write', [path(open.name)], toBytes(after));
        setOpen((old) => (old?.name === open.name ? { ...old, before: after } : old));
        await list();
      };
      if (now === open.before) return write();
      ask(t('panel.volume.changed', { name: open.name }), t('panel.volume.overwrite'), () => attempt(write));
    });
  const saveFile = (entry: Entry) =>
    attempt(async () => {
      const whole = entry.type === 'folder';
      const bytes = whole
        ? await volume.run('archive', [path(), entry.name])
        : await volume.run('read', [path(entry.name)]);
      download(whole ? `${entry.name}.tar` : entry.name, bytes, 'application/octet-stream');
    });
  const upload = (files: File[]) => {
    const write = () =>
      change(async () => {
        for (const file of files) {
          await volume.run('write', [path(file.name)], new Uint8Array(await file.arrayBuffer()));
        }
      });
    const known = files.map(({ name }) => name).filter((name) => entries.some((entry) => entry.name === name));
    if (known.length === 0) return write();
    ask(t('panel.volume.replace', { names: known.join(', ') }), t('panel.volume.overwrite'), write);
  };
  const newFolder = (name: string) => change(() => volume.run('folder', [path(name)]));
  const newFile = (name: string) =>
    change(async () => {
      await volume.run('create', [path(name)]);
      look({ file: name });
    });
  const askName = (title: string, onName: (name: string) => Promise<void>) =>
    openDialog(<NameDialog title={title} entries={entries} onName={onName} />);
  const remove = (entry: Entry) =>
    ask(t('panel.volume.confirm', { name: entry.name }), t('action.delete'), () => {
      if (open?.name === entry.name) {
        setOpen(null);
        look({ file: '' });
      }
      drafts.remove(draftOf(entry.name));
      return change(() => volume.run('remove', [path(entry.name)]));
    });
  return (
    <Panel
      label={t('panel.volume.title', { claim })}
      bar={
        <>
          <IconButton
            label={t('panel.volume.up')}
            disabled={folder === ''}
            onClick={() => enter(folder.split('/').slice(0, -1).join('/'))}
          >
            <ArrowUp />
          </IconButton>
          <span className="mono grow cut">{folder || '/'}</span>
          {busy && <LoaderCircle className="spin late" width={16} role="img" aria-label={t('panel.loading')} />}
          <IconButton
            label={t('panel.volume.refresh')}
            disabled={busy || !reachable}
            onClick={() => void attempt(list)}
          >
            <RotateCw />
          </IconButton>
          {!volume.readOnly && (
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
              <Button look="small" onClick={() => askName(t('panel.volume.newFile'), newFile)}>
                <FilePlus /> {t('panel.volume.newFile')}
              </Button>
              <Button look="small" onClick={() => askName(t('panel.volume.newFolder'), newFolder)}>
                <FolderPlus /> {t('panel.volume.newFolder')}
              </Button>
            </>
          )}
        </>
      }
      notes={
        <>
          {!reachable && (
            <p className="note warn" role="status">
              {t('panel.volume.lost')}
            </p>
          )}
          <Failure error={error || problem} />
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
        <nav aria-label={t('panel.volume.files')}>
          {entries.length === 0 && !busy && <Empty title={t('panel.volume.empty')} />}
          <ul>
            {entries.map((entry) => (
              <li key={entry.name} className="file">
                <FileRow entry={entry} chosen={open?.name === entry.name} onOpen={() => show(entry)} />
                <IconButton
                  look="small"
                  label={t('panel.volume.download', { name: entry.name })}
                  onClick={() => void saveFile(entry)}
                >
                  <Download />
                </IconButton>
                {!volume.readOnly && (
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
        {open === null ? (
          <Empty title={t('panel.volume.pick')} />
        ) : (
          <div className="file-text">
            <div className="row tight file-head">
              <h2 className="mono grow cut">{open.name}</h2>
              {dirty && (
                <>
                  <span className="chip">{t('panel.editor.unsaved')}</span>
                  <Button look="small" disabled={busy || !reachable} onClick={() => void discard(open.name)}>
                    {t('panel.editor.discard')}
                  </Button>
                </>
              )}
              <Button
                look="primary small"
                disabled={!dirty || busy || volume.readOnly || !reachable}
                onClick={() => void save()}
              >
                <Save /> {t('panel.editor.save')}
              </Button>
            </div>
            {open.text === null ? (
              <Empty title={t('panel.volume.noText')} />
            ) : (
              <CodeBox
                key={`${volume.readOnly} ${draftOf(open.name)}`}
                label={open.name}
                value={open.text}
                readOnly={volume.readOnly}
                onChange={(text) => setOpen((old) => (old === null ? null : { ...old, text }))}
                onSave={() => void save()}
              />
            )}
          </div>
        )}
      </div>
    </Panel>
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
        <span>{t('panel.volume.name')}</span>
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
