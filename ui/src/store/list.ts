import type { Column, Row, Tally, ViewMessage } from '../api/contract';
import type { Socket } from '../api/socket';
import { View } from './view';

/** The window of a list: which rows it has, in which order. The rows themselves are read one by one. */
export interface ListData {
  columns: Column[];
  /** Objects in the chosen namespaces. */
  total: number;
  /** Those of them that the filter lets through. */
  matched: number;
  offset: number;
  order: string[];
  counts: Tally;
}

const EMPTY: ListData = {
  columns: [],
  total: 0,
  matched: 0,
  offset: 0,
  order: [],
  counts: { ok: 0, warn: 0, bad: 0, done: 0 },
};

/**
 * A list whose rows can be listened to one by one, so that a change of one object draws one row and not the table.
 */
export class ListView extends View<ListData> {
  private rows = new Map<string, Row>();
  private rowListeners = new Map<string, Set<() => void>>();

  constructor(socket: Pick<Socket, 'open' | 'change' | 'close'>) {
    super(socket, EMPTY, reduceList);
  }

  override message(message: ViewMessage) {
    if (message.type !== 'rows') {
      super.message(message);
      return;
    }
    for (const row of message.rows) this.rows.set(row.uid, row);
    const { order } = message;
    if (this.rows.size > order.length) {
      const window = new Set(order);
      for (const uid of this.rows.keys()) if (!window.has(uid)) this.rows.delete(uid);
    }
    super.message(message);
    for (const row of message.rows) for (const listener of this.rowListeners.get(row.uid) ?? []) listener();
  }

  row = (uid: string): Row | undefined => this.rows.get(uid);

  subscribeRow = (uid: string, listener: () => void) => {
    const listeners = this.rowListeners.get(uid) ?? new Set();
    listeners.add(listener);
    this.rowListeners.set(uid, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.rowListeners.get(uid) === listeners) this.rowListeners.delete(uid);
    };
  };

  protected override reset() {
    this.rows = new Map();
    super.reset();
  }
}

function reduceList(data: ListData, message: ViewMessage): ListData {
  if (message.type !== 'rows') return data;
  const { total, matched, offset, order, counts } = message;
  return {
    columns: message.columns ?? data.columns,
    total,
    matched,
    offset,
    // The same order keeps its identity: then only the changed rows draw.
    order: same(data.order, order) ? data.order : order,
    counts,
  };
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((uid, index) => uid === b[index]);
}
