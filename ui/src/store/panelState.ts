import { createContext, useContext } from 'react';
import { useSearchParams } from 'wouter';

/** How a panel is looked at: what is chosen in it, as far as it is worth keeping or sharing. */
export type PanelState = Record<string, string | number | boolean | string[]>;

/** What differs from the usual, as a query within a parameter of the address; what others have in it stays. */
export function writeState<State extends PanelState>(state: State, usual: State, text = ''): string {
  const query = new URLSearchParams(text);
  for (const [key, value] of Object.entries(state)) {
    if (String(value) === String(usual[key])) query.delete(key);
    else query.set(key, String(value));
  }
  return query.toString();
}

/** Reads it again; what is not of the usual's type is as usual. */
export function readState<State extends PanelState>(text: string, usual: State): State {
  const found = new URLSearchParams(text);
  const entries = Object.entries(usual).map(([key, value]) => {
    const said = found.get(key);
    return [key, said === null ? value : typed(said, value)];
  });
  return Object.fromEntries(entries) as State;
}

function typed(text: string, usual: PanelState[string]): PanelState[string] {
  if (Array.isArray(usual)) return text.split(',').filter(Boolean);
  if (typeof usual === 'boolean') return text === 'true';
  if (typeof usual === 'number') return Number.isFinite(Number(text)) ? Number(text) : usual;
  return text;
}

/** Where a panel's state is kept, when that is not the page's own parameter. */
export interface Keeper {
  text: string;
  keep: (text: string) => void;
}

/** Panels of the dock are several, so each has its state beside its name. */
export const PanelKeeper = createContext<Keeper | null>(null);

/** The page's parameter with the state of its panel. */
export const PANEL = 'panel';

/** The state of a panel, kept in the address: what is not said there is as usual. */
export function usePanelState<State extends PanelState>(usual: State): [State, (part: Partial<State>) => void] {
  const keeper = useContext(PanelKeeper);
  const [params, setParams] = useSearchParams();
  const state = readState(keeper ? keeper.text : (params.get(PANEL) ?? ''), usual);
  const change = (part: Partial<State>) => {
    if (keeper) return keeper.keep(writeState({ ...state, ...part }, usual, keeper.text));
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        const before = old.get(PANEL) ?? '';
        const text = writeState({ ...readState(before, usual), ...part }, usual, before);
        if (text === '') next.delete(PANEL);
        else next.set(PANEL, text);
        return next;
      },
      { replace: true },
    );
  };
  return [state, change];
}
