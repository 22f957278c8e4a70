/** Moving the pods of a node elsewhere, as `kubectl drain` does. */
import type { KubeObject, ObjectRef } from '../api/contract';
import { ApiError } from '../api/http';
import { each } from './each';

/** The pods that a drain must move: not those of daemon sets, not mirrors of static pods, not finished ones. */
export function drainable(pods: KubeObject[]): KubeObject[] {
  return pods.filter(
    ({ metadata, status }) =>
      !metadata.ownerReferences?.some((owner) => owner.controller && owner.kind === 'DaemonSet') &&
      !metadata.annotations?.['kubernetes.io/config.mirror'] &&
      status?.phase !== 'Succeeded' &&
      status?.phase !== 'Failed',
  );
}

/** What is lost with a drain: pods that nobody makes anew, and what others have in directories of the node alone. */
export function lostBy(pods: KubeObject[]): { bare: string[]; emptyDir: string[] } {
  const named = (some: KubeObject[]) => some.map(({ metadata }) => metadata.name);
  const owned = ({ metadata }: KubeObject) => metadata.ownerReferences?.some(({ controller }) => controller);
  const local = ({ spec }: KubeObject) => spec?.volumes?.some((volume: { emptyDir?: object }) => volume.emptyDir);
  return {
    bare: named(pods.filter((pod) => !owned(pod))),
    emptyDir: named(pods.filter((pod) => owned(pod) && local(pod))),
  };
}

/**
 * Asks for the eviction of every pod, and again for those that a disruption budget holds back, after `pause`, until that
 * answers false. Throws what was refused for another reason.
 */
export async function evictAll(
  refs: ObjectRef[],
  evict: (ref: ObjectRef) => Promise<unknown>,
  pause: (held: number) => Promise<boolean>,
): Promise<void> {
  const held: ObjectRef[] = [];
  await each(refs, async (ref) => {
    try {
      await evict(ref);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 429) held.push(ref);
      // It went by itself.
      else if (error.code !== 404) throw error;
    }
  });
  if (held.length > 0 && (await pause(held.length))) await evictAll(held, evict, pause);
}
