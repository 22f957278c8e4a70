/** The files of a volume: the commands that list and change them, and what their output means. Pure. */

import type { KubeObject } from '../../api/contract';
import { claimOf, type Volume } from '../../kinds/read';
import { TOOL_LABEL } from '../shell/toolpod';

export interface Entry {
  name: string;
  type: 'folder' | 'file' | 'link' | 'other';
  size: number;
  /** Milliseconds since 1970. */
  changed: number;
  /** Octal permissions: `644`. */
  mode: string;
}

/** Each takes its paths as arguments, so that no name is ever read as shell. Works with GNU and with BusyBox. */
export const SCRIPTS = {
  list: 'cd -- "$1" && for f in .* *; do case $f in .|..) continue;; esac; [ -e "$f" ] || [ -L "$f" ] || continue; stat -c "%F|%s|%Y|%a|%n" -- "$f"; done',
  read: 'cat -- "$1"',
  write: 'cat > "$1"',
  // Never over what the pod has made since the folder was listed.
  create: 'set -C; : > "$1"',
  folder: 'mkdir -- "$1"',
  remove: 'rm -r -- "$1"',
  archive: 'tar -cf - -C "$1" -- "$2"',
} as const;

export function command(script: keyof typeof SCRIPTS, ...paths: string[]): string[] {
  return ['/bin/sh', '-c', SCRIPTS[script], 'sh', ...paths];
}

export function entriesOf(listing: string): Entry[] {
  const entries = listing.split('\n').flatMap((line): Entry[] => {
    const match = /^([^|]*)\|(\d+)\|(\d+)\|(\d+)\|(.*)$/.exec(line);
    if (match === null) return [];
    const [, type = '', size, changed, mode = '', name = ''] = match;
    return [{ name, type: typeOf(type), size: Number(size), changed: Number(changed) * 1000, mode }];
  });
  return entries.sort(
    (a, b) => Number(b.type === 'folder') - Number(a.type === 'folder') || a.name.localeCompare(b.name),
  );
}

function typeOf(word: string): Entry['type'] {
  if (word === 'directory') return 'folder';
  if (word === 'symbolic link') return 'link';
  return word.startsWith('regular') ? 'file' : 'other';
}

/** A path below a root; it never leaves it. */
export function join(root: string, ...names: string[]): string {
  const parts = names.flatMap((name) => name.split('/')).filter((part) => part !== '' && part !== '.' && part !== '..');
  return [root === '/' ? '' : root.replace(/\/+$/, ''), ...parts].join('/') || '/';
}

export interface Way {
  pod: string;
  container: string;
  /** Where the container has the volume. */
  root: string;
  readOnly: boolean;
  node: string;
}

type Mount = { name: string; mountPath: string; readOnly?: boolean; subPath?: string };

/**
 * The running containers that have the claim mounted, whole and writable ones first. Helpers are none: one that is taken
 * for a pod of the user's is needed no more, goes, and is needed again.
 */
export function waysTo(pods: KubeObject[], claim: string): Way[] {
  const ways = pods.flatMap((pod): (Way & { part: boolean })[] => {
    if (pod.metadata.labels?.[TOOL_LABEL] !== undefined) return [];
    const volumes = (pod.spec?.volumes ?? []) as Volume[];
    const names = volumes.filter((volume) => claimOf(volume, pod.metadata.name) === claim).map(({ name }) => name);
    if (names.length === 0 || pod.status?.phase !== 'Running' || pod.metadata.deletionTimestamp) return [];
    return ((pod.spec?.containers ?? []) as { name: string; volumeMounts?: Mount[] }[]).flatMap(
      ({ name, volumeMounts = [] }) =>
        volumeMounts
          .filter((mount) => names.includes(mount.name))
          .map((mount) => ({
            pod: pod.metadata.name,
            container: name,
            root: mount.mountPath,
            readOnly: mount.readOnly === true,
            node: String(pod.spec?.nodeName ?? ''),
            part: mount.subPath !== undefined,
          })),
    );
  });
  return ways
    .sort((a, b) => Number(a.part) - Number(b.part) || Number(a.readOnly) - Number(b.readOnly))
    .map(({ part: _part, ...way }) => way);
}

/** What is wrong with the name of something new in a folder. */
export function wrongName(name: string, entries: Entry[]): 'panel.volume.badName' | 'panel.volume.taken' | '' {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) return 'panel.volume.badName';
  return entries.some((entry) => entry.name === name) ? 'panel.volume.taken' : '';
}
