import fuzzysort from 'fuzzysort';
import { useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import type { ListSpec, ObjectRef, Row } from '../api/contract';
import { useI18n } from '../i18n';
import type { ActionId } from '../kinds/actions';
import { isAsleep } from '../kinds/clusters';
import { plural, type Resource } from '../kinds/discovery';
import { longName } from '../kinds/sections';
import { useList, useListState } from '../store/hooks';
import { useHost } from '../store/host';
import { useSettings } from '../store/settings';
import { listSpec } from '../store/specs';
import { useUi } from '../store/ui';
import { useCluster } from './cluster';
import { MOST_KINDS, type Narrowed, type Order, parseCommand, parseOrder, ranked } from './command';
import { anything } from './dock';
import { ownFirst, useNamespaces } from './NamespaceFilter';
import { clusterHref, listHref, objectHref, PAGES, ROUTES, useLinks } from './paths';
import { subject as subjectNow } from './subject';
import { useActions } from './useActions';
import { useClusterActions } from './useClusterActions';
import { useDock } from './useDock';

/** Something that the palette offers. */
export interface Entry {
  id: string;
  text: string;
  hint: string;
  run: () => void;
}

const SHOWN = 12;
/** Of what can be done with the page's object so much is offered before anything is typed. */
const FIRST = 5;

const kindId = (resource: Resource) => `kind ${longName(resource)}`;

const byLetters = (line: string, entries: Entry[]) =>
  fuzzysort.go(line, entries, { keys: ['text', 'hint'], limit: SHOWN, threshold: 0.3 }).map(({ obj }) => obj);

/** What the line could mean on the pages about the machine's clusters. */
export function useHostEntries(line: string): Entry[] {
  const places = useHostPlaces();
  return line.trim() === '' ? places.slice(0, SHOWN) : byLetters(line, places);
}

/** Where one can go and what one can do wherever one is: clusters, what is done with them, the page's looks. */
function useHostPlaces(): Entry[] {
  const { t } = useI18n();
  const [, navigate] = useLocation();
  const clusters = useHost((host) => host.clusters);
  const actionsOf = useClusterActions();
  const set = (theme: 'light' | 'dark') => () => useSettings.setState({ theme });
  const all = clusters ?? [];
  const go = all.map(({ name }) => ({
    id: `cluster ${name}`,
    text: `@${name}`,
    hint: t('cluster'),
    run: () => navigate(clusterHref(name)),
  }));
  const act = all.flatMap((cluster) =>
    actionsOf(cluster).map(({ id, label, run }) => ({
      id: `${id} ${cluster.name}`,
      text: `${label} · @${cluster.name}`,
      hint: t('cluster'),
      run,
    })),
  );
  return [
    ...go,
    { id: 'clusters', text: t('clusters'), hint: 'ctx', run: () => navigate(ROUTES.clusters) },
    { id: 'create', text: t('cluster.create'), hint: '', run: () => navigate(ROUTES.create) },
    ...act,
    { id: 'light', text: `${t('theme')}: ${t('theme.light')}`, hint: '', run: set('light') },
    { id: 'dark', text: `${t('theme')}: ${t('theme.dark')}`, hint: '', run: set('dark') },
    { id: 'help', text: t('keys'), hint: '?', run: () => useUi.setState({ help: true }) },
  ];
}

/**
 * What the line could mean, best first: what is to be done, the kind it names and its objects, then places by letters.
 */
export function useEntries(line: string): Entry[] {
  const { t } = useI18n();
  const { name, resources, sections } = useCluster();
  const links = useLinks();
  const dock = useDock();
  const [, navigate] = useLocation();
  const namespaces = useNamespaces();
  const host = useHostPlaces();
  const doable = useSubjectEntries();
  const command = useMemo(() => parseCommand(line, resources, namespaces), [line, resources, namespaces]);
  const order = useMemo(
    () =>
      parseOrder(
        line,
        sections.flatMap((section) => section.resources),
        namespaces,
        (id) => t(`action.${id}`),
      ),
    [line, sections, namespaces, t],
  );
  const ordered = useOrderEntries(order, doable);
  const ofKind = useKindEntries(command.resource, command);

  const places = useMemo(
    () => [
      // In the navigation's order, so that what is most used is offered before anything is typed.
      ...sections
        .flatMap((section) => section.resources)
        .map((r) => ({
          id: kindId(r),
          text: plural(r),
          hint: r.short[0] ?? r.group,
          run: () => navigate(links.list(r)),
        })),
      ...PAGES.map((page) => ({
        id: `page ${page}`,
        text: t(`page.${page}`),
        hint: page,
        run: () => navigate(links.page(page)),
      })),
      { id: 'overview', text: t('overview'), hint: '', run: () => navigate(links.page()) },
      // The cluster's own overview, with the panels that are open.
      { id: `cluster ${name}`, text: `@${name}`, hint: t('cluster'), run: () => navigate(links.page()) },
      ...ownFirst(namespaces).map((ns, index) => ({
        id: `ns ${ns}`,
        text: ns,
        hint: index < 9 ? `${t('namespace')} ${index + 1}` : t('namespace'),
        run: () => navigate(links.page(undefined, { ns })),
      })),
    ],
    [sections, namespaces, links, navigate, name, t],
  );
  if (line.trim() === '') return [...doable.slice(0, FIRST), ...places].slice(0, SHOWN);
  const any = () => dock.open('create', anything(links.namespaces[0]));
  // An order says by itself what is to be done to what.
  const all = [...(order ? [] : doable), ...places, ...host, { id: 'any', text: t('create.any'), hint: '', run: any }];
  const letters = byLetters(line, all);
  const path = /^sync\s+(\/.*)/i.exec(line)?.[1];
  if (path)
    return [
      { id: 'sync', text: `${t('sync.add')}: ${path}`, hint: '', run: () => navigate(links.page('sync', { path })) },
    ];
  if (order) return ranked({ exact: true }, ordered, letters, SHOWN);
  return ranked(command, ofKind, letters, SHOWN);
}

/** The rows of a kind that a line narrows. */
function useRows(resource: Resource | undefined, cluster: string, narrowed: Narrowed): Row[] {
  const { cluster: current } = useCluster();
  const running = current !== undefined && !isAsleep(current);
  const { namespaces, filter, labels } = narrowed;
  const rest: Partial<ListSpec> = { namespaces, filter, labelSelector: labels, limit: SHOWN - 1 };
  const view = useList(resource && running ? listSpec(cluster, resource, rest) : null);
  const { order } = useListState(view).data;
  const rows = resource ? order.flatMap((uid) => view.row(uid) ?? []) : [];
  return rows.sort((a, b) => Number(b.name === filter) - Number(a.name === filter));
}

const refOf = (cluster: string, { group, version, resource }: Resource, row: Row): ObjectRef => ({
  cluster,
  group,
  version,
  resource,
  namespace: row.namespace,
  name: row.name,
});

/** The list of a kind as a line narrows it, and the objects in it. */
function useKindEntries(resource: Resource | undefined, command: Narrowed): Entry[] {
  const { name } = useCluster();
  const links = useLinks();
  const [, navigate] = useLocation();
  const cluster = command.cluster || name;
  const rows = useRows(resource, cluster, command);
  if (!resource) return [];
  const query: Record<string, string> = {};
  if (command.namespaces.length > 0) query.ns = command.namespaces.join(',');
  if (command.filter) query.q = command.filter;
  if (command.labels) query.l = command.labels;
  const here = cluster === name;
  const elsewhere = () => `${listHref(cluster, resource)}?${new URLSearchParams(query)}`;
  const text = [plural(resource), ...command.namespaces, command.labels, command.filter && `/${command.filter}`];
  const list: Entry = {
    id: kindId(resource),
    text: text.filter(Boolean).join(' '),
    hint: command.cluster ? `@${command.cluster}` : '↵',
    run: () => navigate(here ? links.list(resource, query) : elsewhere()),
  };
  const objects = rows.map((row): Entry => {
    const ref = refOf(cluster, resource, row);
    const run = () => navigate(here ? links.object(ref) : objectHref(ref));
    return { id: row.uid, text: row.name, hint: row.namespace, run };
  });
  return [list, ...objects];
}

interface Doable extends Entry {
  action: ActionId;
  again: (replicas?: string) => void;
}

/** What can be done with what the page is about. */
function useSubjectEntries(): Doable[] {
  const { t, tn } = useI18n();
  // As it was when the palette was opened: it takes the focus from the row.
  const [subject] = useState(subjectNow);
  if (!subject) return [];
  const { refs, actions, run } = subject;
  const names = refs.length === 1 ? refs[0]?.name : tn('objects', refs.length);
  return actions.map(({ id, key }) => ({
    id: `do ${id}`,
    action: id,
    text: `${t(`action.${id}`)} · ${names}`,
    hint: key,
    run: () => run(id),
    again: (replicas) => run(id, replicas),
  }));
}

interface Found extends Entry {
  name: string;
}

/** An order done to what the page is about, or to each of the objects that it could mean. */
function useOrderEntries(order: Order | null, doable: Doable[]): Entry[] {
  const { t } = useI18n();
  const { name } = useCluster();
  const act = useActions();
  const { namespaces } = useLinks();
  const narrowed = order ?? { namespaces: [], cluster: '', filter: '', labels: '' };
  const here = { ...narrowed, namespaces: narrowed.namespaces.length > 0 ? narrowed.namespaces : namespaces };
  // Each kind has a view of its own; there are always as many, for React counts them.
  const kinds = Array.from({ length: MOST_KINDS }, (_, index) => order?.resources[index]);
  const rows = [useRows(kinds[0], name, here), useRows(kinds[1], name, here), useRows(kinds[2], name, here)];
  if (!order || (order.cluster && order.cluster !== name)) return [];
  const own = order.named ? [] : doable.filter(({ action }) => order.actions.some(({ id }) => id === action));
  const found = kinds.flatMap((resource, index) => {
    const action = resource && order.actions.find(({ on }) => on(resource));
    // Nothing is done at once to what just happens to be the first.
    if (!action || (action.atOnce && !order.filter && !order.labels)) return [];
    return (rows[index] ?? []).map((row): Found => {
      const ref = { ...refOf(name, resource, row), uid: row.uid };
      return {
        id: `${action.id} ${row.uid}`,
        name: row.name,
        text: [t(`action.${action.id}`), row.name, order.replicas].filter(Boolean).join(' · '),
        hint: [resource.kind, row.namespace].filter(Boolean).join(' · '),
        run: () => act(action.id, resource, [ref], { replicas: order.replicas }),
      };
    });
  });
  // What has just this name, of whatever kind, is meant before what only contains it.
  const named = (entry: Found) => Number(entry.name === order.filter);
  found.sort((a, b) => named(b) - named(a));
  return [...own.map((entry) => ({ ...entry, run: () => entry.again(order.replicas) })), ...found];
}
