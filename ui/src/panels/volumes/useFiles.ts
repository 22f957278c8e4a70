import { useCallback, useEffect, useState } from 'react';
import { messageOf } from '../../api/http';
import { usePanelState } from '../../store/panelState';
import { fromBytes, fromText, toBytes, toText } from '../config/entries';
import { Drafts } from '../editor/drafts';
import { download } from '../parts';
import { type Entry, entriesOf, join } from './files';
import type { Volume } from './useVolume';

const NO_ENTRIES: Entry[] = [];
/** Larger files are offered for download, not for editing. */
const EDITABLE = 1024 * 1024;

/** A file that is looked at. */
export interface OpenFile {
  name: string;
  /** As it was read, and as it is now; null for what is no text. */
  before: string;
  text: string | null;
}

/**
 * The files of a volume: the folder that the address names, the file that is open, and what is done to them. What is typed
 * is kept as a draft by `id`.
 */
export function useFiles(volume: Volume, id: string) {
  // Files may hold secrets, which never reach the disk.
  const [drafts] = useState(() => new Drafts(sessionStorage));
  const [{ folder, file }, look] = usePanelState({ folder: '', file: '' });
  /** What is in which folder. */
  const [listed, setListed] = useState<{ of: string; entries: Entry[] }>({ of: '', entries: [] });
  const entries = listed.of === folder ? listed.entries : NO_ENTRIES;
  const [open, setOpen] = useState<OpenFile | null>(null);
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
  const refresh = useCallback(() => attempt(list), [attempt, list]);
  useEffect(() => void refresh(), [refresh]);
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
  // The file that the address names, once it is known how large it is.
  const chosen = entries.find(({ name, type }) => name === file && type !== 'folder');
  const large = chosen !== undefined && chosen.size > EDITABLE;
  const shown = open?.name;
  useEffect(() => {
    if (chosen === undefined || chosen.name === shown) return;
    if (large) setOpen({ name: chosen.name, before: '', text: null });
    else void attempt(() => read(chosen.name));
  }, [chosen, large, shown, attempt, read]);

  const enter = (folder: string) => {
    setOpen(null);
    look({ folder, file: '' });
  };
  const change = (work: () => Promise<unknown>) =>
    attempt(async () => {
      await work();
      await list();
    });
  return {
    folder,
    entries,
    open,
    dirty,
    error,
    busy,
    refresh,
    enter,
    /** Tells the files' drafts apart. */
    draftOf,
    show: ({ type, name }: Entry) => (type === 'folder' ? enter(join('', folder, name)) : look({ file: name })),
    type: (text: string) => setOpen((old) => (old === null ? null : { ...old, text })),
    discard: (name: string) =>
      attempt(async () => {
        drafts.remove(draftOf(name));
        await read(name);
      }),
    /** Writes what was typed. When the pod wrote to the file meanwhile, `onChanged` gets what would write over it. */
    save: (onChanged: (write: () => Promise<void>) => void) =>
      attempt(async () => {
        if (open === null || open.text === null) return;
        const { name, before } = open;
        const after = fromText(open.text);
        const write = async () => {
          await volume.run('write', [path(name)], toBytes(after));
          setOpen((old) => (old?.name === name ? { ...old, before: after } : old));
          await list();
        };
        const now = fromBytes(await volume.run('read', [path(name)]));
        if (now === before) await write();
        else onChanged(() => attempt(write));
      }),
    saveAsFile: ({ type, name }: Entry) =>
      attempt(async () => {
        const whole = type === 'folder';
        const bytes = whole ? await volume.run('archive', [path(), name]) : await volume.run('read', [path(name)]);
        download(whole ? `${name}.tar` : name, bytes, 'application/octet-stream');
      }),
    upload: (files: File[]) =>
      change(async () => {
        for (const file of files)
          await volume.run('write', [path(file.name)], new Uint8Array(await file.arrayBuffer()));
      }),
    newFolder: (name: string) => change(() => volume.run('folder', [path(name)])),
    newFile: (name: string) =>
      change(async () => {
        await volume.run('create', [path(name)]);
        look({ file: name });
      }),
    remove: ({ name }: Entry) => {
      if (open?.name === name) {
        setOpen(null);
        look({ file: '' });
      }
      drafts.remove(draftOf(name));
      return change(() => volume.run('remove', [path(name)]));
    },
  };
}

export type Files = ReturnType<typeof useFiles>;
