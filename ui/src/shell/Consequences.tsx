import { useMemo } from 'react';
import type { ObjectRef } from '../api/contract';
import { useI18n } from '../i18n';
import { plural, type Resource } from '../kinds/discovery';
import { longName } from '../kinds/sections';
import { useCounts } from '../store/hooks';

/** Kinds with which much goes that the question does not name. */
const GRAVE = [
  'namespaces',
  'customresourcedefinitions.apiextensions.k8s.io',
  'persistentvolumeclaims',
  'persistentvolumes',
];
/** What comes and goes with others, and says nothing. */
const NOISE = [
  'events',
  'events.events.k8s.io',
  'endpoints',
  'endpointslices.discovery.k8s.io',
  'leases.coordination.k8s.io',
];

/** Whether a deletion is asked about twice. */
export const isGrave = (resource: Resource) => GRAVE.includes(longName(resource));

/** The kinds of which objects go with those that are deleted. */
export function taken(resource: Resource, refs: ObjectRef[], all: Resource[]): Resource[] {
  const watched = all.filter((other) => other.verbs.includes('watch') && !NOISE.includes(longName(other)));
  if (resource.resource === 'namespaces') return watched.filter(({ namespaced }) => namespaced);
  if (resource.resource !== 'customresourcedefinitions') return [];
  const names = new Set(refs.map(({ name }) => name));
  return watched.filter((other) => names.has(`${other.resource}.${other.group}`));
}

interface Props {
  resource: Resource;
  refs: ObjectRef[];
  all: Resource[];
}

/** Says what goes with the objects that are to be deleted. */
export function Consequences({ resource, refs, all }: Props) {
  const { t, number } = useI18n();
  const kinds = useMemo(() => taken(resource, refs, all), [resource, refs, all]);
  const cluster = refs[0]?.cluster ?? '';
  const namespaces = resource.resource === 'namespaces' ? refs.map(({ name }) => name) : [];
  const resources = kinds.map(({ group, version, resource: name }) => ({ group, version, resource: name }));
  const { data } = useCounts(kinds.length > 0 ? { cluster, resources, namespaces } : null);
  if (kinds.length === 0) return <p className="note warn">{t('delete.volume')}</p>;
  const list = data.flatMap((count) => {
    const kind = kinds.find((one) => longName(one) === longName(count));
    return kind && count.total > 0 ? [`${number(count.total)} ${plural(kind)}`] : [];
  });
  return list.length > 0 && <p className="note warn">{t('delete.with', { list: list.join(', ') })}</p>;
}
