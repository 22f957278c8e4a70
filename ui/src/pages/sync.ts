import type { FileFault, WantedSync } from '../api/contract';

/** What the files of a sync are: manifests, or the keys of one object. */
export const KINDS = ['manifests', 'configmap', 'secret'] as const;
export type SyncKind = (typeof KINDS)[number];

type Options = Pick<WantedSync, 'cluster' | 'namespace' | 'prune' | 'rollout'>;

/** A sync of one path. */
export function wantedSync(options: Options, kind: SyncKind, name: string, path: string): WantedSync {
  const wanted: WantedSync = { ...options, paths: [], configMaps: [], secrets: [] };
  if (kind === 'manifests') wanted.paths = [path];
  else wanted[kind === 'configmap' ? 'configMaps' : 'secrets'] = [[name, path]];
  return wanted;
}

/** Its files, those of an object with its name. */
export const sourcesOf = ({ paths, configMaps, secrets }: WantedSync): string[] => [
  ...paths,
  ...[...configMaps, ...secrets].map(([name, path]) => `${name}=${path}`),
];

/** The command that does the same. */
export function syncCommand(wanted: WantedSync, flag: '' | '--diff' | '--pull' = ''): string {
  const named = (option: string, all: WantedSync['secrets']) => all.map(([name, path]) => `${option} ${name}=${path}`);
  return [
    `devcluster sync --name ${wanted.cluster} --namespace ${wanted.namespace}`,
    ...wanted.paths,
    ...named('--configmap', wanted.configMaps),
    ...named('--secret', wanted.secrets),
    flag,
    flag === '' && !wanted.prune ? '--no-prune' : '',
    wanted.rollout && flag !== '--pull' ? '--rollout' : '',
  ]
    .filter(Boolean)
    .join(' ');
}

/** A fault with where it is, as far as that is known. */
export const faultText = ({ file, line, message }: FileFault): string =>
  [file && (line > 0 ? `${file}:${line}` : file), message].filter(Boolean).join(': ');
