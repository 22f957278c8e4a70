/**
 * State with those who listen to it, made for `useSyncExternalStore`: it is replaced, never changed in place, and every
 * change wakes the listeners.
 */
export class Store<State> {
  private listeners = new Set<() => void>();

  constructor(protected state: State) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  snapshot = () => this.state;

  protected set(change: Partial<State>) {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
