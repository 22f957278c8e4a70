import type { AgentMessage, HostMessage, ViewMessage, ViewSpec } from './contract';
import { ApiError } from './http';
import { socketUrl } from './session';

export interface Connection {
  connected: boolean;
  /** When the connection was lost (milliseconds since 1970); 0 while it stands. */
  since: number;
  /** Whether the agent refuses this page: its session has ended. */
  refused: boolean;
}

/** What a view wants to hear: its messages, and whether the connection under it stands. */
export interface ViewHandler {
  message(message: ViewMessage): void;
  connection(connected: boolean): void;
}

type Page = { op: 'open' | 'change'; view: number; spec: ViewSpec } | { op: 'close'; view: number };

const FIRST_WAIT = 300;
const LONGEST_WAIT = 10_000;

/**
 * The one WebSocket of the page, shared by all its views. It connects again by itself and then opens every view anew;
 * until then the views keep what they have and say that it is old.
 */
export class Socket {
  private socket: WebSocket | null = null;
  private views = new Map<number, { spec: ViewSpec; handler: ViewHandler }>();
  private next = 1;
  private wait = FIRST_WAIT;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private listeners = new Set<() => void>();
  private state: Connection = { connected: false, since: Date.now(), refused: false };

  constructor(
    private readonly host: (message: HostMessage) => void,
    private readonly connect: () => Promise<WebSocket> = async () => new WebSocket(await socketUrl('/api/ws')),
  ) {}

  start() {
    globalThis.addEventListener?.('online', () => this.retryNow());
    globalThis.document?.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retryNow();
    });
    void this.dial();
  }

  open(spec: ViewSpec, handler: ViewHandler): number {
    const view = this.next++;
    this.views.set(view, { spec, handler });
    if (this.state.connected) this.say({ op: 'open', view, spec });
    return view;
  }

  change(view: number, spec: ViewSpec) {
    const entry = this.views.get(view);
    if (!entry) return;
    entry.spec = spec;
    if (this.state.connected) this.say({ op: 'change', view, spec });
  }

  close(view: number) {
    if (this.views.delete(view) && this.state.connected) this.say({ op: 'close', view });
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  connection = () => this.state;

  /** Tries at once instead of at the end of the present wait. */
  retryNow() {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    void this.dial();
  }

  private async dial() {
    this.timer = undefined;
    try {
      const socket = await this.connect();
      this.socket = socket;
      socket.addEventListener('open', () => this.opened());
      socket.addEventListener('message', (event) => this.heard(event.data));
      socket.addEventListener('close', () => this.lost());
    } catch (error) {
      this.lost();
      this.set({ ...this.state, refused: error instanceof ApiError && error.code === 401 });
    }
  }

  private opened() {
    this.wait = FIRST_WAIT;
    this.set({ connected: true, since: 0, refused: false });
    for (const [view, { spec, handler }] of this.views) {
      this.say({ op: 'open', view, spec });
      handler.connection(true);
    }
  }

  private lost() {
    this.socket = null;
    if (this.state.connected) {
      this.set({ connected: false, since: Date.now(), refused: false });
      for (const { handler } of this.views.values()) handler.connection(false);
    }
    this.timer = setTimeout(() => void this.dial(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  private heard(data: unknown) {
    const message = JSON.parse(String(data)) as AgentMessage;
    if ('view' in message) this.views.get(message.view)?.handler.message(message);
    else this.host(message);
  }

  private say(message: Page) {
    this.socket?.send(JSON.stringify(message));
  }

  private set(state: Connection) {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
