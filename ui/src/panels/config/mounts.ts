/** Which pods use a ConfigMap or Secret, how, and when a change reached them. Pure. */
import type { KubeObject } from '../json';

export type Use =
  | { how: 'volume'; container: string; path: string; keys: string[] | null }
  /** One file, bound at the container's start: it never follows. */
  | { how: 'subPath'; container: string; path: string; key: string }
  | { how: 'env'; container: string; variable: string; key: string }
  | { how: 'envFrom'; container: string; prefix: string }
  | { how: 'pull' };

export interface User {
  pod: string;
  uid: string;
  running: boolean;
  uses: Use[];
}

type Kind = 'ConfigMap' | 'Secret';
// biome-ignore lint/suspicious/noExplicitAny: pods as the API server writes them
type Any = any;

export function usersOf(pods: KubeObject[], kind: Kind, name: string): User[] {
  return pods
    .map((pod) => ({
      pod: pod.metadata.name,
      uid: pod.metadata.uid ?? '',
      running: pod.status?.phase === 'Running',
      uses: usesOf(pod.spec ?? {}, kind, name),
    }))
    .filter(({ uses }) => uses.length > 0);
}

/** Also for pod templates: `spec` is a pod's. */
export function usesOf(spec: Any, kind: Kind, name: string): Use[] {
  const volumes = new Map<string, string[] | null>();
  for (const volume of spec.volumes ?? []) {
    const keys = keysOf(volume, kind, name);
    if (keys !== undefined) volumes.set(volume.name, keys);
  }
  const containers: Any[] = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  const uses = containers.flatMap((container) => [
    ...mountUses(container, volumes),
    ...environmentUses(container, kind, name),
  ]);
  const pulls = kind === 'Secret' && (spec.imagePullSecrets ?? []).some((secret: Any) => secret.name === name);
  return pulls ? [...uses, { how: 'pull' }] : uses;
}

/** The keys of the object that a volume shows: null for all, undefined when it shows none of it. */
function keysOf(volume: Any, kind: Kind, name: string): string[] | null | undefined {
  const direct = kind === 'ConfigMap' ? volume.configMap : volume.secret;
  const named = kind === 'ConfigMap' ? direct?.name : direct?.secretName;
  const sources = (volume.projected?.sources ?? []).map((source: Any) =>
    kind === 'ConfigMap' ? source.configMap : source.secret,
  );
  const found = named === name ? direct : sources.find((source: Any) => source?.name === name);
  if (found === undefined) return undefined;
  return found.items === undefined ? null : found.items.map((item: Any) => item.key);
}

function mountUses(container: Any, volumes: Map<string, string[] | null>): Use[] {
  return (container.volumeMounts ?? []).flatMap((mount: Any): Use[] => {
    const keys = volumes.get(mount.name);
    if (keys === undefined) return [];
    const where = { container: container.name, path: mount.mountPath };
    if (mount.subPath !== undefined) return [{ how: 'subPath', ...where, key: mount.subPath }];
    return [{ how: 'volume', ...where, keys }];
  });
}

function environmentUses(container: Any, kind: Kind, name: string): Use[] {
  const [ref, from] = kind === 'ConfigMap' ? ['configMapKeyRef', 'configMapRef'] : ['secretKeyRef', 'secretRef'];
  const single = (container.env ?? [])
    .filter((variable: Any) => variable.valueFrom?.[ref]?.name === name)
    .map(
      (variable: Any): Use => ({
        how: 'env',
        container: container.name,
        variable: variable.name,
        key: variable.valueFrom[ref].key,
      }),
    );
  const whole = (container.envFrom ?? [])
    .filter((source: Any) => source[from]?.name === name)
    .map((source: Any): Use => ({ how: 'envFrom', container: container.name, prefix: source.prefix ?? '' }));
  return [...single, ...whole];
}

/** What follows a change without a restart. */
export const follows = (use: Use): use is Use & { how: 'volume' } => use.how === 'volume';

/**
 * The moment at which a volume got its present content, in milliseconds since 1970: the kubelet names the folder behind
 * `..data` after it (`..2026_11_26_21_53_00.123456789`, in UTC). Null for any other name.
 */
export function stampOf(link: string): number | null {
  const match = /^\.\.(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)\.(\d+)$/.exec(link.trim());
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const fraction = Number(`0.${match[7]}`) * 1000;
  return Date.UTC(year, month - 1, day, hour, minute, second) + Math.floor(fraction);
}
