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
  live: boolean;
  error: Status | null;
  version: number;
}

/** The lines of one view of logs; a new view begins empty, a new connection goes on where the old one ended. */
class LogStore extends Store<LogState> {
  private lines = new Lines();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private view = 0;

  constructor() {
    super({ lines: [], dropped: 0, live: false, error: null, version: 0 });
  }

  open(spec: LogsSpec) {
    this.lines = new Lines();
    this.publish({ live: false, error: null });
    this.view = socket.open(spec, {
      message: (message) => this.hear(message),
      connection: (connected) => {
        if (connected) this.lines.resume();
        else this.publish({ live: false });
      },
    });
  }

  close() {
    socket.close(this.view);
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  clear = () => {
    this.lines.clear();
    this.publish({});
  };

  private hear(message: ViewMessage) {
    if (message.type === 'state') this.publish({ live: message.live, error: message.error });
    if (message.type !== 'lines') return;
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
  return { ...held.current, live: state.live, error: state.error, clear: store.clear };
}
