import { useEffect, useState, useSyncExternalStore } from 'react';
import type { Gvr, Health, KubeObject, Row, Status, ViewMessage } from '../api/contract';
import { ApiError } from '../api/http';
import { getObject, listObjects } from '../api/k8s';
import { socket } from './hooks';
import { listSpec } from './specs';
import { Store } from './store';

/** Changes are gathered for this long (milliseconds) before the objects are fetched. */
const GATHER = 200;
/** A fetch that failed is tried again after so long. */
const AGAIN = 5000;
/** Up to this many changed objects are fetched one by one, more with one list. */
const SINGLE = 8;
export const OBJECT_LIMIT = 500;

export interface Objects {
  objects: KubeObject[];
  /** How each is, by its UID, as the agent says. */
  health: ReadonlyMap<string, Health>;
  /** How many there are, of which `objects` may be the first few hundred. */
  total: number;
  loaded: boolean;
  error: Status | null;
}

interface Source extends Gvr {
  cluster: string;
  /** Empty for all. */
  namespaces: string[];
  labelSelector?: string;
  fieldSelector?: string;
}

const NOTHING: Objects = { objects: [], health: new Map(), total: 0, loaded: false, error: null };

/** Whole objects, live: a list view tells what changed (in slim rows), and only that is fetched. */
class ObjectStore extends Store<Objects> {
  private known = new Map<string, KubeObject>();
  private health = new Map<string, Health>();
  private order: string[] = [];
  private stale = new Map<string, Row>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private view = 0;
  private round = 0;
  private source: Source | null = null;

  constructor() {
    super(NOTHING);
  }

  open(source: Source) {
    this.source = source;
    this.known = new Map();
    this.health = new Map();
    this.order = [];
    this.stale = new Map();
    this.set(NOTHING);
    const { cluster, namespaces, labelSelector = '', fieldSelector = '' } = source;
    const spec = listSpec(cluster, source, { namespaces, labelSelector, fieldSelector, limit: OBJECT_LIMIT });
    this.view = socket.open(spec, { message: (message) => this.hear(message), connection: () => undefined });
  }

  close() {
    socket.close(this.view);
    clearTimeout(this.timer);
    this.timer = undefined;
    this.round++;
  }

  private hear(message: ViewMessage) {
    if (message.type === 'state') this.set({ error: message.error });
    if (message.type !== 'rows') return;
    this.order = message.order;
    for (const row of message.rows) {
      this.health.set(row.uid, row.health);
      if (this.known.get(row.uid)?.metadata.resourceVersion !== row.rv) this.stale.set(row.uid, row);
    }
    // A part does not tell who there is.
    if (message.more) return;
    this.state = { ...this.state, total: message.total };
    // The first ones are waited for.
    this.timer ??= setTimeout(() => void this.fetch(), this.state.loaded ? GATHER : 0);
  }

  private async fetch() {
    const { source, round } = this;
    if (source === null) return;
    const wanted = [...this.stale.values()];
    this.stale.clear();
    try {
      const found = await (wanted.length > SINGLE ? this.list(source) : this.singles(source, wanted));
      if (round !== this.round) return;
      for (const object of found) this.known.set(object.metadata.uid ?? '', object);
      // The first of a list are not the first rows: what is in a row and was not in the list is fetched for itself.
      const missed = wanted.filter(({ uid }) => !this.known.has(uid));
      for (const object of await this.singles(source, missed)) this.known.set(object.metadata.uid ?? '', object);
      if (round !== this.round) return;
      this.timer = this.stale.size > 0 ? setTimeout(() => void this.fetch(), GATHER) : undefined;
      this.publish({ loaded: true, error: null });
    } catch (error) {
      if (round !== this.round) return;
      // They are still to be fetched.
      for (const row of wanted) if (!this.stale.has(row.uid)) this.stale.set(row.uid, row);
      this.timer = setTimeout(() => void this.fetch(), AGAIN);
      this.publish({ error: { message: (error as Error).message } });
    }
  }

  private async list(source: Source): Promise<KubeObject[]> {
    const { labelSelector, fieldSelector } = source;
    const query = {
      limit: OBJECT_LIMIT,
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
    };
    const spaces = source.namespaces.length === 0 ? [''] : source.namespaces;
    const lists = await Promise.all(spaces.map((namespace) => listObjects(source.cluster, source, namespace, query)));
    return lists.flatMap(({ items }) => items);
  }

  private async singles({ cluster, group, version, resource }: Source, rows: Row[]): Promise<KubeObject[]> {
    const all = rows.map(({ namespace, name }) =>
      getObject({ cluster, group, version, resource, namespace, name }).catch((error: unknown) => {
        // Gone again: the next message takes it out of the order.
        if (error instanceof ApiError && error.code === 404) return null;
        throw error;
      }),
    );
    return (await Promise.all(all)).filter((object) => object !== null);
  }

  private publish(change: Partial<Objects>) {
    const present = new Set(this.order);
    for (const map of [this.known, this.health]) for (const uid of map.keys()) if (!present.has(uid)) map.delete(uid);
    const objects = this.order.flatMap((uid) => this.known.get(uid) ?? []);
    this.set({ objects, health: new Map(this.health), ...change });
  }
}

/** Several lists that are followed together. */
class Group {
  readonly stores: ObjectStore[];
  private state: Objects[];

  constructor(size: number) {
    this.stores = Array.from({ length: size }, () => new ObjectStore());
    this.state = this.stores.map((store) => store.snapshot());
  }

  subscribe = (listener: () => void) => {
    const ends = this.stores.map((store) => store.subscribe(listener));
    return () => {
      for (const end of ends) end();
    };
  };

  snapshot = () => {
    const next = this.stores.map((store) => store.snapshot());
    if (next.some((one, index) => one !== this.state[index])) this.state = next;
    return this.state;
  };
}

/** Follows lists of whole objects. How many there are must stay the same from draw to draw. */
export function useObjectLists(sources: Source[]): Objects[] {
  const [group] = useState(() => new Group(sources.length));
  const text = JSON.stringify(sources);
  useEffect(() => {
    for (const [index, source] of (JSON.parse(text) as Source[]).entries()) group.stores[index]?.open(source);
    return () => {
      for (const store of group.stores) store.close();
    };
  }, [group, text]);
  return useSyncExternalStore(group.subscribe, group.snapshot);
}

export function useObjects(source: Source): Objects {
  const [objects] = useObjectLists([source]);
  return objects ?? NOTHING;
}
