import type { KubeObject } from '../api/contract';
import { podSpec } from './read';

export type UsedKind = 'ConfigMap' | 'Secret' | 'PersistentVolumeClaim';

/** How an object that has a pod spec uses a ConfigMap, a secret or a claim: `volume /etc/x`, `env KEY`; empty if not. */
export function uses(object: KubeObject, kind: UsedKind, name: string): string[] {
  const spec = podSpec(object);
  if (!spec) return [];
  const found: string[] = [];
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  for (const volume of spec.volumes ?? []) {
    if (!volumeUses(volume, kind, name)) continue;
    const mounts = containers
      .flatMap((container) => container.volumeMounts ?? [])
      .filter((mount) => mount.name === volume.name)
      .map((mount) => mount.mountPath as string);
    found.push(...new Set(mounts.length > 0 ? mounts : [volume.name as string]));
  }
  if (kind === 'PersistentVolumeClaim') return found;
  const [envFrom, valueFrom] =
    kind === 'ConfigMap' ? ['configMapRef', 'configMapKeyRef'] : ['secretRef', 'secretKeyRef'];
  for (const container of containers) {
    for (const source of container.envFrom ?? []) if (source[envFrom]?.name === name) found.push('env *');
    for (const env of container.env ?? []) if (env.valueFrom?.[valueFrom]?.name === name) found.push(`env ${env.name}`);
  }
  if (kind === 'Secret')
    for (const pull of spec.imagePullSecrets ?? []) if (pull.name === name) found.push('imagePullSecrets');
  return found;
}

// biome-ignore lint/suspicious/noExplicitAny: volumes are read field by field.
function volumeUses(volume: any, kind: UsedKind, name: string): boolean {
  switch (kind) {
    case 'ConfigMap':
      return (
        volume.configMap?.name === name ||
        // biome-ignore lint/suspicious/noExplicitAny: as above.
        (volume.projected?.sources ?? []).some((source: any) => source.configMap?.name === name)
      );
    case 'Secret':
      return (
        volume.secret?.secretName === name ||
        // biome-ignore lint/suspicious/noExplicitAny: as above.
        (volume.projected?.sources ?? []).some((source: any) => source.secret?.name === name)
      );
    case 'PersistentVolumeClaim':
      return volume.persistentVolumeClaim?.claimName === name;
  }
}
