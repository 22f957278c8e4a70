import { useEffect, useRef } from 'react';
import type { ObjectRef } from '../api/contract';
import type { Action, ActionId } from '../kinds/actions';

/** What a page is about now: its object, or the rows of its list that are chosen, and what can be done with them. */
export interface Subject {
  refs: ObjectRef[];
  actions: Action[];
  run: (id: ActionId, replicas?: string) => void;
}

let ask: (() => Subject | null) | null = null;

/** Asked only when somebody wants to know: which row has the focus changes with each key. */
export const subject = (): Subject | null => ask?.() ?? null;

/** Answers for the page what it is about. */
export function useSubject(current: () => Subject | null) {
  const now = useRef(current);
  now.current = current;
  useEffect(() => {
    const mine = () => now.current();
    ask = mine;
    return () => {
      if (ask === mine) ask = null;
    };
  }, []);
}
