/** Which pods use a ConfigMap, a Secret or a claim, and how. Pure. */
import type { KubeObject } from '../api/contract';
import type { I18n } from '../i18n';
import { type Container, claimOf, type PodSpec, podSpec, type Volume } from './read';

export type UsedKind = 'ConfigMap' | 'Secret' | 'PersistentVolumeClaim';

export type Use =
  | { how: 'volume'; container: string; path: string; volume: string; keys: string[] | null }
  /** One file, bound at the container's start: it never follows. */
  | { how: 'subPath'; container: string; path: string; key: string }
  | { how: 'env'; container: string; variable: string; key: string }
  | { how: 'envFrom'; container: string; prefix: string }
  | { how: 'pull' };

export interface User {
  pod: string;
  uid: string;
  node: string;
  running: boolean;
  uses: Use[];
}

export function usersOf(pods: KubeObject[], kind: UsedKind, name: string): User[] {
  return pods
    .map((pod) => ({
      pod: pod.metadata.name,
      uid: pod.metadata.uid ?? '',
      node: pod.spec?.nodeName ?? '',
      running: pod.status?.phase === 'Running',
      uses: usesOf(podSpec({ ...pod, kind: 'Pod' }) ?? {}, kind, name, pod.metadata.name),
    }))
    .filter(({ uses }) => uses.length > 0);
}

/** Also for pod templates, which have no name yet: `spec` is a pod's. */
export function usesOf(spec: PodSpec, kind: UsedKind, name: string, pod?: string): Use[] {
  const volumes = new Map<string, string[] | null>();
  for (const volume of spec.volumes ?? []) {
    const keys = keysOf(volume, kind, name, pod);
    if (keys !== undefined) volumes.set(volume.name, keys);
  }
  const { initContainers = [], containers = [], ephemeralContainers = [] } = spec;
  const uses = [...initContainers, ...containers, ...ephemeralContainers].flatMap((container) => [
    ...mountUses(container, volumes),
    ...environmentUses(container, kind, name),
  ]);
  const pulls = kind === 'Secret' && spec.imagePullSecrets?.some((secret) => secret.name === name);
  return pulls ? [...uses, { how: 'pull' }] : uses;
}

/** The keys of the object that a volume shows: null for all, undefined when it shows none of it. */
function keysOf(volume: Volume, kind: UsedKind, name: string, pod?: string): string[] | null | undefined {
  if (kind === 'PersistentVolumeClaim') return claimOf(volume, pod) === name ? null : undefined;
  const field = kind === 'ConfigMap' ? 'configMap' : 'secret';
  const named = kind === 'ConfigMap' ? volume.configMap?.name : volume.secret?.secretName;
  const sources = volume.projected?.sources?.map((source) => source[field]) ?? [];
  const found = named === name ? volume[field] : sources.find((source) => source?.name === name);
  if (found === undefined) return undefined;
  return found.items?.map(({ key }) => key) ?? null;
}

function mountUses({ name, volumeMounts = [], volumeDevices = [] }: Container, volumes: Map<string, string[] | null>) {
  const mounts = [...volumeMounts, ...volumeDevices.map((device) => ({ ...device, mountPath: device.devicePath }))];
  return mounts.flatMap((mount): Use[] => {
    const keys = volumes.get(mount.name);
    if (keys === undefined) return [];
    const where = { container: name, path: mount.mountPath };
    if ('subPath' in mount && mount.subPath) return [{ how: 'subPath', ...where, key: mount.subPath }];
    return [{ how: 'volume', ...where, volume: mount.name, keys }];
  });
}

function environmentUses({ name: container, env = [], envFrom = [] }: Container, kind: UsedKind, name: string): Use[] {
  if (kind === 'PersistentVolumeClaim') return [];
  const [ref, from] =
    kind === 'ConfigMap' ? (['configMapKeyRef', 'configMapRef'] as const) : (['secretKeyRef', 'secretRef'] as const);
  const single = env.flatMap(({ name: variable, valueFrom }): Use[] => {
    const source = valueFrom?.[ref];
    return source?.name === name ? [{ how: 'env', container, variable, key: source.key }] : [];
  });
  const whole = envFrom
    .filter((source) => source[from]?.name === name)
    .map(({ prefix = '' }): Use => ({ how: 'envFrom', container, prefix }));
  return [...single, ...whole];
}

/** A use in the fewest words: `/etc/x`, `$KEY`. */
export function describeUse(use: Use, { t }: Pick<I18n, 't'>): string {
  switch (use.how) {
    case 'volume':
      return use.path;
    case 'subPath':
      return `${use.path} (${use.key})`;
    case 'env':
      return `$${use.variable}`;
    case 'envFrom':
      return t('panel.config.envFrom', { prefix: use.prefix });
    case 'pull':
      return t('panel.config.pull');
  }
}
