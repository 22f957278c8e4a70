import { startTransition, useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import type {
  Count,
  CountsSpec,
  KubeObject,
  ListSpec,
  MetricsPoint,
  MetricsSpec,
  ObjectRef,
  Problem,
  ProblemsSpec,
  Row,
  ViewSpec,
} from '../api/contract';
import { Socket } from '../api/socket';
import { hear } from './host';
import { type ListData, ListView } from './list';
import { pointsAfter } from './points';
import { type Reduce, View, type ViewState } from './view';

/** The page's one connection to the agent. */
export const socket = new Socket(hear);

export const useConnection = () => useSyncExternalStore(socket.subscribe, socket.connection);

interface Follower {
  follow: (spec: ViewSpec | null) => void;
}

/** Follows what a spec describes, for as long as it is drawn. */
export function useFollowed(view: Follower, spec: ViewSpec | null) {
  const text = spec && JSON.stringify(spec);
  useEffect(() => view.follow(text ? (JSON.parse(text) as ViewSpec) : null), [view, text]);
  useEffect(() => () => view.follow(null), [view]);
}

function useView<Data>(spec: ViewSpec | null, empty: Data, reduce: Reduce<Data>): ViewState<Data> {
  const [view] = useState(() => new View(socket, empty, reduce));
  useFollowed(view, spec);
  return useSyncExternalStore(view.subscribe, view.snapshot);
}

/** A list as a view; its rows are read by `useRow`. */
export function useList(spec: ListSpec | null): ListView {
  const [view] = useState(() => new ListView(socket));
  useFollowed(view, spec);
  return view;
}

/** As many rows as the agent sends at once. */
const AT_ONCE = 5000;

/** The rows of a list from one place to before another, as they are now, whatever window of it is shown. */
export async function rowsBetween(spec: ListSpec, first: number, end: number): Promise<Row[]> {
  const parts = Array.from({ length: Math.ceil((end - first) / AT_ONCE) }, (_, part) => {
    const offset = first + part * AT_ONCE;
    return rowsOf({ ...spec, columns: [], offset, limit: Math.min(AT_ONCE, end - offset) });
  });
  return (await Promise.all(parts)).flat();
}

function rowsOf(spec: ListSpec): Promise<Row[]> {
  const view = new ListView(socket);
  return new Promise((resolve, reject) => {
    const end = view.subscribe(() => {
      const { loaded, error, data } = view.snapshot();
      if (!loaded && !error) return;
      end();
      if (loaded) resolve(data.order.flatMap((uid) => view.row(uid) ?? []));
      else reject(new Error(error?.message));
      view.follow(null);
    });
    view.follow(spec);
  });
}

/** What a list has. Its first rows are drawn in short pieces, what comes to them at once. */
export function useListState(view: ListView): ViewState<ListData> {
  const [state, setState] = useState(view.snapshot);
  useEffect(() => {
    let loaded = view.snapshot().loaded;
    const follow = () => {
      const next = view.snapshot();
      if (loaded && next.loaded) setState(next);
      else startTransition(() => setState(next));
      loaded = next.loaded;
    };
    follow();
    return view.subscribe(follow);
  }, [view]);
  return state;
}

export function useRow(view: ListView, uid: string): Row | undefined {
  const subscribe = useCallback((listener: () => void) => view.subscribeRow(uid, listener), [view, uid]);
  const snapshot = useCallback(() => view.row(uid), [view, uid]);
  return useSyncExternalStore(subscribe, snapshot);
}

/** Follows one object: undefined until it came, null when it is gone. */
export const useObject = (ref: ObjectRef | null): ViewState<KubeObject | null | undefined> =>
  useView<KubeObject | null | undefined>(
    ref && {
      kind: 'object',
      cluster: ref.cluster,
      group: ref.group,
      version: ref.version,
      resource: ref.resource,
      namespace: ref.namespace,
      name: ref.name,
    },
    undefined,
    (data, message) => (message.type === 'object' ? message.object : data),
  );

const NO_COUNTS: Count[] = [];
export const useCounts = (spec: Omit<CountsSpec, 'kind'> | null): ViewState<Count[]> =>
  useView(spec && { kind: 'counts', ...spec }, NO_COUNTS, (data, message) =>
    message.type === 'counts' ? message.counts : data,
  );

const NO_PROBLEMS = { problems: [] as Problem[], total: 0 };
export const useProblems = (spec: Omit<ProblemsSpec, 'kind'> | null): ViewState<typeof NO_PROBLEMS> =>
  useView(spec && { kind: 'problems', ...spec }, NO_PROBLEMS, (data, message) =>
    message.type === 'problems' ? message : data,
  );

const NO_POINTS: MetricsPoint[] = [];
export const useMetrics = (spec: Omit<MetricsSpec, 'kind'> | null): ViewState<MetricsPoint[]> =>
  useView(spec && { kind: 'metrics', ...spec }, NO_POINTS, pointsAfter);
