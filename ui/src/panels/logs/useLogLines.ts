import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { LogsSpec, Status, ViewMessage } from '../../api/contract';
import { socket } from '../../store/hooks';
import { Store } from '../../store/store';
import { type Line, Lines } from './lines';

/** How often a busy log draws, in milliseconds: often enough to read along, seldom enough to stay smooth. */
const DRAW = 200;

export interface LogState {
  lines: readonly Line[];
  dropped: number;
  /** Why containers cannot be read, by `pod/container`. */
  faults: Record<string, string>;
  live: boolean;
  error: Status | null;
  version: number;
}

/** The lines of one view of logs; a new view begins empty, a new connection goes on where the old one ended. */
export class LogStore extends Store<LogState> {
  private lines = new Lines();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private view = 0;

  constructor(private readonly views: Pick<typeof socket, 'open' | 'close'> = socket) {
    super({ lines: [], dropped: 0, faults: {}, live: false, error: null, version: 0 });
  }

  open(spec: LogsSpec) {
    this.lines = new Lines();
    this.publish({ live: false, error: null, faults: {} });
    this.view = this.views.open(spec, {
      message: (message) => this.hear(message),
      connection: (connected) => {
        if (!connected) this.publish({ live: false });
      },
    });
  }

  close() {
    this.views.close(this.view);
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  clear = () => {
    this.lines.clear();
    this.publish({});
  };

  private hear(message: ViewMessage) {
    if (message.type === 'state') {
      // The agent begins anew, with lines that are here, whether the page was cut off from it or it from the cluster.
      if (message.live && !this.snapshot().live) this.lines.resume();
      this.publish({ live: message.live, error: message.error });
    }
    if (message.type !== 'lines') return;
    if (message.faults) this.publish({ faults: message.faults });
    this.lines.add(message.lines, message.dropped);
    this.timer ??= setTimeout(() => this.publish({}), DRAW);
  }

  private publish(change: Partial<LogState>) {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { all, dropped, version } = this.lines;
    this.set({ lines: all, dropped, version, ...change });
  }
}

export function useLogLines(spec: LogsSpec, paused: boolean): LogState & { clear: () => void } {
  const [store] = useState(() => new LogStore());
  const text = JSON.stringify(spec);
  useEffect(() => {
    store.open(JSON.parse(text) as LogsSpec);
    return () => store.close();
  }, [store, text]);
  const state = useSyncExternalStore(store.subscribe, store.snapshot);
  const held = useRef(state);
  if (!paused) held.current = state;
  const clear = () => {
    store.clear();
    held.current = store.snapshot();
  };
  return { ...held.current, live: state.live, error: state.error, faults: state.faults, clear };
}
