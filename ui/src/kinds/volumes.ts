/** What the volumes of a pod hold, and where its containers have them. Pure. */
import type { KubeObject } from '../api/contract';
import { type Container, claimOf, type Projection, podSpec, type Volume } from './read';
import type { UsedKind } from './uses';

/** Something that a pod takes from an object of its namespace. */
export interface Source {
  kind: UsedKind;
  name: string;
}

/** Words, and the objects that they speak of. */
export type Line = (string | Source)[];

export interface PodVolume {
  name: string;
  /** The objects, and in words what is none: `emptyDir`, `hostPath /var/log`. */
  holds: Line;
  mounts: { container: string; path: string; readOnly: boolean }[];
}

/** The volumes of a pod, or those of the pods that a workload makes, its claim templates included. */
export function volumesOf(object: KubeObject): PodVolume[] {
  const spec = podSpec(object) ?? {};
  const { volumes = [], containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  const all = [...initContainers, ...containers, ...ephemeralContainers];
  const templates = ((object.spec?.volumeClaimTemplates ?? []) as KubeObject[]).map(({ metadata: { name }, spec }) => ({
    name,
    holds: [`volumeClaimTemplate ${spec?.resources?.requests?.storage ?? ''}`],
  }));
  const own = volumes.map((volume) => ({ name: volume.name, holds: held(volume, object) }));
  return [...own, ...templates].map((volume) => ({
    ...volume,
    mounts: all.flatMap((one) => mountsOf(one, volume.name)),
  }));
}

function mountsOf({ name: container, volumeMounts = [], volumeDevices = [] }: Container, volume: string) {
  return [
    ...volumeMounts.map(({ name, mountPath, subPath, readOnly = false }) => ({
      name,
      path: subPath ? `${mountPath} (${subPath})` : mountPath,
      readOnly,
    })),
    ...volumeDevices.map(({ name, devicePath }) => ({ name, path: devicePath, readOnly: false })),
  ].flatMap(({ name, ...mount }) => (name === volume ? [{ container, ...mount }] : []));
}

function held(volume: Volume, object: KubeObject): Line {
  const { configMap, secret, projected, hostPath, image, csi } = volume;
  const claim = claimOf(volume, object.kind === 'Pod' ? object.metadata.name : undefined);
  if (claim) return [{ kind: 'PersistentVolumeClaim', name: claim }];
  if (configMap) return [{ kind: 'ConfigMap', name: configMap.name }];
  if (secret) return [{ kind: 'Secret', name: secret.secretName ?? '' }];
  if (projected) return (projected.sources ?? []).flatMap(projectedFrom);
  const [type = 'emptyDir'] = Object.keys(volume).filter((field) => field !== 'name');
  return [[type, hostPath?.path ?? image?.reference ?? csi?.driver].filter(Boolean).join(' ')];
}

function projectedFrom({ configMap, secret, ...others }: Projection): Line {
  if (configMap) return [{ kind: 'ConfigMap', name: configMap.name }];
  return secret ? [{ kind: 'Secret', name: secret.name }] : Object.keys(others);
}
