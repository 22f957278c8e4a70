import { Columns3, Plus } from 'lucide-react';
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { ListSpec, ObjectRef, Row } from '../../api/contract';
import { Staleness } from '../../components/Live';
import { Button, Empty, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { type ActionId, actionsFor, actionsForRow } from '../../kinds/actions';
import { plural, type Resource } from '../../kinds/discovery';
import { longName } from '../../kinds/sections';
import { AddNodesDialog } from '../../shell/AddNodesDialog';
import { useCluster } from '../../shell/cluster';
import { PageTitle } from '../../shell/PageTitle';
import { useLinks, useParam } from '../../shell/paths';
import { useSubject } from '../../shell/subject';
import { useActions } from '../../shell/useActions';
import { useDock } from '../../shell/useDock';
import { rowsBetween, useList, useListState } from '../../store/hooks';
import type { ListData } from '../../store/list';
import { listSpec } from '../../store/specs';
import { attempt, openDialog } from '../../store/ui';
import { useUsage } from '../../store/usage';
import { BulkBar } from './BulkBar';
import { ColumnsDialog } from './ColumnsDialog';
import { readColumns } from './columns';
import { Grid } from './Grid';
import { Search } from './Search';
import { WINDOW } from './window';

/** The list of a kind, built-in or custom: live, filtered and sorted by the agent, of which a window is here. */
export function ListPage({ resource }: { resource: Resource }) {
  const { t } = useI18n();
  const { name: cluster } = useCluster();
  const links = useLinks();
  const dock = useDock();
  const act = useActions();
  const [, navigate] = useLocation();
  const [filter, setFilter] = useParam('q');
  const [labels, setLabels] = useParam('l');
  const [sort] = useParam('sort');
  const [columns] = useParam('cols');
  const [offset, setOffset] = useState(0);
  const [selected, setSelected] = useState<ReadonlyMap<string, ObjectRef>>(new Map());
  const text = useDeferredValue(filter);

  const spec = useMemo(() => {
    const [column = '', order] = sort.split(':');
    return listSpec(cluster, resource, {
      namespaces: resource.namespaced ? links.namespaces : [],
      filter: text,
      labelSelector: labels,
      sort: column ? { column, descending: order === 'desc' } : usual(resource),
      columns: readColumns(columns),
      offset,
      limit: WINDOW,
    });
  }, [cluster, resource, links.namespaces, text, labels, sort, columns, offset]);
  const view = useList(spec);
  const usage = useUsage(cluster, ['pods', 'nodes'].includes(longName(resource)));
  const state = useListState(view);

  const places = links.namespaces.join();
  // Another cut starts at its top.
  // biome-ignore lint/correctness/useExhaustiveDependencies: these are what make another cut.
  useEffect(() => setOffset(0), [text, labels, sort, places]);
  // What is not in sight any more shall not be hit with what is.
  const clear = useCallback(() => setSelected(new Map()), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: these are what take objects out of sight.
  useEffect(clear, [clear, resource, text, labels, places]);

  const refOf = useCallback(
    (row: Row): ObjectRef => {
      const { group, version, resource: name } = resource;
      return { cluster, group, version, resource: name, namespace: row.namespace, name: row.name, uid: row.uid };
    },
    [cluster, resource],
  );
  const href = useCallback((row: Row) => links.object(refOf(row)), [links, refOf]);
  const run = (id: ActionId, refs: ObjectRef[], replicas?: string) =>
    act(id, resource, refs, { onDeleted: clear, replicas });
  const focused = useRef<Row | undefined>(undefined);
  useSubject(() => {
    const row = focused.current;
    const refs = selected.size > 0 ? [...selected.values()] : row ? [refOf(row)] : [];
    if (refs.length === 0) return null;
    const single = selected.size === 0 && row !== undefined;
    const actions = single
      ? actionsForRow(resource, state.data.columns, row)
      : actionsFor(resource).filter(({ many }) => many || refs.length === 1);
    return { refs, actions, run: (id, replicas) => run(id, refs, replicas) };
  });
  const select = (first: number, end: number) => attempt(async () => toggle(await rowsBetween(spec, first, end), true));
  const toggle = (rows: Row[], on: boolean) =>
    setSelected((old) => {
      const next = new Map(old);
      for (const row of rows) {
        if (on) next.set(row.uid, refOf(row));
        else next.delete(row.uid);
      }
      return next;
    });

  const { matched, total } = state.data;
  // Who may not, or asks wrongly, waits in vain; who gets no answer does not.
  const refused = !state.loaded && state.error?.code !== 503 ? state.error : null;
  const creatable = resource.verbs.includes('create');
  const nodes = longName(resource) === 'nodes';
  const create = () => {
    // A node is a machine first: the agent makes it, and it registers itself.
    if (nodes) return openDialog(<AddNodesDialog cluster={cluster} />);
    const { group, version, resource: name } = resource;
    dock.open('create', { group, version, resource: name, namespace: links.namespaces[0] ?? '', name: resource.kind });
  };
  return (
    <main className="page list-page">
      <header className="page-head">
        <PageTitle>{plural(resource)}</PageTitle>
        <Tallies view={state.data} whole={state.loaded} />
        <span className="grow" />
        <Search filter={filter} onFilter={setFilter} labels={labels} onLabels={setLabels} />
        <Button onClick={() => openDialog(<ColumnsDialog />)}>
          <Columns3 />
          <span className="label">{t('columns')}</span>
        </Button>
        {creatable && (
          <Button look="primary" onClick={create}>
            <Plus />
            <span className="label">{nodes ? t('node.add') : t('create')}</span>
          </Button>
        )}
      </header>
      {!refused && <Staleness state={state} />}
      {selected.size > 0 && (
        <BulkBar
          resource={resource}
          count={selected.size}
          run={(id) => run(id, [...selected.values()])}
          clear={clear}
          all={selected.size < matched ? { count: matched, select: () => select(0, matched) } : null}
        />
      )}
      {refused ? (
        <Empty
          title={t('list.refused', { kind: plural(resource) })}
          action={labels && <Button onClick={() => setLabels('')}>{t('filter.clear')}</Button>}
        >
          {refused.message}
        </Empty>
      ) : state.loaded && matched === 0 ? (
        <Empty
          title={total === 0 ? t('list.none', { kind: plural(resource) }) : t('list.nomatch')}
          action={
            total > 0 && filter ? (
              <Button onClick={() => setFilter('')}>{t('filter.clear')}</Button>
            ) : (
              creatable && <Button onClick={create}>{nodes ? t('node.add') : t('create')}</Button>
            )
          }
        >
          {total === 0 && links.namespaces.length > 0 && resource.namespaced
            ? t('list.innamespaces', { names: links.namespaces.join(', ') })
            : undefined}
        </Empty>
      ) : (
        <Grid
          resource={resource}
          view={view}
          offset={offset}
          onOffset={setOffset}
          selected={selected}
          focused={focused}
          usage={usage}
          toggle={toggle}
          select={select}
          clear={clear}
          run={(id, row, many) => run(id, many && selected.has(row.uid) ? [...selected.values()] : [refOf(row)])}
          open={(row) => navigate(href(row))}
          href={href}
          create={creatable ? create : undefined}
        />
      )}
    </main>
  );
}

/** By name, but for what is read as news. */
const usual = ({ resource }: Resource): ListSpec['sort'] =>
  resource === 'events' ? { column: 'rv', descending: true } : undefined;

function Tallies({ view, whole }: { view: ListData; whole: boolean }) {
  const { number, t } = useI18n();
  const { total, matched, counts } = view;
  // While rows are on their way there are at least so many.
  const amount = (of: number) => (whole ? number(of) : of > 0 ? `${number(of)}+` : '…');
  return (
    <p className="row soft" role="status" aria-busy={!whole}>
      <span>
        {matched === total ? amount(total) : t('list.matched', { matched: amount(matched), total: amount(total) })}
      </span>
      {(['bad', 'warn'] as const).map(
        (health) =>
          counts[health] > 0 && (
            <HealthMark key={health} health={health}>
              {number(counts[health])}
            </HealthMark>
          ),
      )}
    </p>
  );
}
