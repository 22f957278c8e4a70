import type { Status, ViewMessage, ViewSpec } from '../api/contract';
import type { Socket, ViewHandler } from '../api/socket';
import { Store } from './store';

/** What a component sees of a view. Data stay when the view is no longer live; `since` says for how long they are old. */
export interface ViewState<Data> {
  data: Data;
  /** Whether all data have come: of a long list the first rows are there before. */
  loaded: boolean;
  /** Whether the view follows the cluster. */
  live: boolean;
  /** When it ceased to (milliseconds since 1970); 0 while it is live or was never. */
  since: number;
  error: Status | null;
}

/** Folds a message into the data. */
export type Reduce<Data> = (data: Data, message: ViewMessage) => Data;

/**
 * One view of the socket with its data. It opens with the first spec it follows, changes with the next ones, and starts
 * empty when the spec is about something else.
 */
export class View<Data> extends Store<ViewState<Data>> implements ViewHandler {
  private id = 0;
  private identity = '';
  private spec = '';

  constructor(
    private readonly socket: Pick<Socket, 'open' | 'change' | 'close'>,
    private readonly empty: Data,
    private readonly reduce: Reduce<Data>,
  ) {
    super({ data: empty, loaded: false, live: false, since: 0, error: null });
  }

  /** Follows what the spec describes; null closes the view and keeps its data. */
  follow(spec: ViewSpec | null) {
    const text = spec ? JSON.stringify(spec) : '';
    if (text === this.spec) return;
    this.spec = text;
    const identity = spec ? identify(spec) : this.identity;
    if (spec && this.id && identity === this.identity) {
      // What was wrong with the old question is told again if it is wrong with the new one.
      this.set({ error: null, since: 0 });
      this.socket.change(this.id, spec);
      return;
    }
    if (this.id) this.socket.close(this.id);
    if (identity !== this.identity) {
      this.identity = identity;
      this.reset();
    }
    this.id = spec ? this.socket.open(spec, this) : 0;
  }

  message(message: ViewMessage) {
    if (message.type === 'state') {
      const since = message.live ? 0 : this.state.since || (this.state.loaded ? Date.now() : 0);
      this.set({ live: message.live, error: message.error, since });
      return;
    }
    const whole = message.type !== 'rows' || !message.more;
    this.set({ data: this.reduce(this.state.data, message), loaded: whole });
  }

  connection(connected: boolean) {
    if (!connected) this.set({ live: false, since: this.state.loaded ? Date.now() : 0 });
  }

  protected reset() {
    this.set({ data: this.empty, loaded: false, live: false, since: 0, error: null });
  }
}

/** What a view is about, without how it is cut: two specs of one identity may share data on the screen. */
function identify(spec: ViewSpec): string {
  switch (spec.kind) {
    case 'list':
      return JSON.stringify(['list', spec.cluster, spec.group, spec.version, spec.resource]);
    case 'object':
      return JSON.stringify(spec);
    default:
      return JSON.stringify([spec.kind, spec.cluster]);
  }
}
