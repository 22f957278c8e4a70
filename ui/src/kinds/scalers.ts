import type { KubeObject, ObjectRef } from '../api/contract';

/** The autoscalers that set the replicas of any of the objects themselves. */
export const scalersOf = (scalers: KubeObject[], refs: ObjectRef[]): KubeObject[] =>
  scalers.filter(({ metadata, spec }) => {
    const { kind, name } = spec?.scaleTargetRef ?? {};
    const resource = `${String(kind).toLowerCase()}s`;
    return refs.some((ref) => ref.namespace === metadata.namespace && ref.name === name && ref.resource === resource);
  });
