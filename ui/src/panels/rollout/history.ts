/** The revisions of a workload, from the objects in which its controller keeps them. Pure. */
import type { KubeObject } from '../../api/contract';

export interface Revision {
  number: number;
  /** The ReplicaSet or ControllerRevision. */
  object: KubeObject;
  /** The pod template of then. */
  template: Record<string, unknown>;
  cause: string;
  images: string[];
  current: boolean;
}

const HASH = 'pod-template-hash';

/** Newest first. `owned` are the ReplicaSets of a Deployment, or the ControllerRevisions of the others. */
export function revisionsOf(workload: KubeObject, owned: KubeObject[]): Revision[] {
  const uid = workload.metadata.uid;
  const mine = owned.filter(({ metadata }) =>
    metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.controller),
  );
  const found = mine.flatMap((object): Omit<Revision, 'current'>[] => {
    const template = templateOf(object);
    const number = numberOf(object);
    if (template === null || number === null) return [];
    const cause = object.metadata.annotations?.['kubernetes.io/change-cause'] ?? '';
    return [{ number, object, template, cause, images: imagesOf(template) }];
  });
  const newest = Math.max(...found.map(({ number }) => number));
  return found.sort((a, b) => b.number - a.number).map((one) => ({ ...one, current: one.number === newest }));
}

function numberOf(object: KubeObject): number | null {
  const number = Number(object.revision ?? object.metadata.annotations?.['deployment.kubernetes.io/revision']);
  return Number.isInteger(number) && number > 0 ? number : null;
}

function templateOf(object: KubeObject): Record<string, unknown> | null {
  const template = object.spec?.template ?? object.data?.spec?.template;
  if (template === undefined) return null;
  const { $patch: _patch, ...rest } = structuredClone(template);
  if (rest.metadata?.labels !== undefined) delete rest.metadata.labels[HASH];
  return rest;
}

function imagesOf(template: Record<string, unknown>): string[] {
  const spec = (template.spec ?? {}) as { containers?: { image?: string }[] };
  return (spec.containers ?? []).map(({ image }) => image ?? '');
}

export interface Undo {
  type: 'json' | 'strategic';
  body: unknown;
}

/** The patch that `kubectl rollout undo` sends for a revision. */
export function undoPatch(revision: Revision): Undo {
  if (revision.object.data !== undefined) return { type: 'strategic', body: revision.object.data };
  const annotations =
    revision.cause === ''
      ? []
      : [{ op: 'add', path: '/metadata/annotations/kubernetes.io~1change-cause', value: revision.cause }];
  return { type: 'json', body: [{ op: 'replace', path: '/spec/template', value: revision.template }, ...annotations] };
}
