/** What bindings give to whom. Pure. */
import type { KubeObject } from '../api/contract';

interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

export interface Grant {
  uid: string;
  binding: string;
  role: { kind: string; name: string };
  /** Where it holds; empty: everywhere. */
  namespace: string;
  subjects: Subject[];
}

/** The grants of bindings; those of one namespace have it in their metadata, those of the cluster have none. */
export const grantsOf = (bindings: KubeObject[]): Grant[] =>
  bindings.map(({ metadata, roleRef, subjects }) => ({
    uid: metadata.uid ?? '',
    binding: metadata.name,
    role: roleRef,
    namespace: metadata.namespace ?? '',
    subjects: subjects ?? [],
  }));

/** Those that an account has, by its own name or as one of a group, with only the subjects that mean it. */
export function toAccount(grants: Grant[], namespace: string, name: string): Grant[] {
  const groups = ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  const means = (subject: Subject) =>
    (subject.kind === 'ServiceAccount' && subject.name === name && subject.namespace === namespace) ||
    (subject.kind === 'User' && subject.name === `system:serviceaccount:${namespace}:${name}`) ||
    (subject.kind === 'Group' && groups.includes(subject.name));
  return grants
    .map((grant) => ({ ...grant, subjects: grant.subjects.filter(means) }))
    .filter(({ subjects }) => subjects.length > 0);
}

/** Those that give a role; without a namespace it is one of the cluster. */
export const ofRole = (grants: Grant[], namespace: string, name: string): Grant[] =>
  grants.filter(({ role, namespace: where }) =>
    role.kind === 'Role'
      ? where === namespace && namespace !== '' && role.name === name
      : namespace === '' && role.name === name,
  );

/** `ServiceAccount build/robot`, `Group system:masters`. */
export const subjectText = ({ kind, name, namespace }: Subject) => `${kind} ${namespace ? `${namespace}/` : ''}${name}`;
