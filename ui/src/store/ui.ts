import type { ReactNode } from 'react';
import { create } from 'zustand';
import { messageOf } from '../api/http';

/** What is on the screen only for a moment: messages, a dialog, the palette. */
export interface Toast {
  id: number;
  look: 'good' | 'bad';
  text: string;
}

interface Ui {
  toasts: Toast[];
  dialog: ReactNode;
  palette: boolean;
  /** What is typed into the palette: keys come before its field does. */
  line: string;
  /** Enter was pressed by then. */
  entered: boolean;
  help: boolean;
}

export const useUi = create<Ui>(() => ({
  toasts: [],
  dialog: null,
  palette: false,
  line: '',
  entered: false,
  help: false,
}));

export const openPalette = () => useUi.setState({ palette: true, line: '', entered: false });

let nextToast = 1;
/** Bad news stay until they are dismissed: whoever looked away should still find them. */
const GOOD_NEWS_MS = 5000;

export function toast(look: Toast['look'], text: string) {
  const id = nextToast++;
  // The same again takes the place of the old one: a pile of equal messages only hides the page.
  const others = useUi.getState().toasts.filter((other) => other.text !== text);
  useUi.setState({ toasts: [...others.slice(-4), { id, look, text }] });
  if (look === 'good') setTimeout(() => dismiss(id), GOOD_NEWS_MS);
}

export const dismiss = (id: number) =>
  useUi.setState(({ toasts }) => ({ toasts: toasts.filter((other) => other.id !== id) }));

export const openDialog = (dialog: ReactNode) => useUi.setState({ dialog });
export const closeDialog = () => useUi.setState({ dialog: null });

/** Does something and tells how it went. */
export async function attempt(work: () => Promise<unknown>, good?: string): Promise<boolean> {
  try {
    await work();
    if (good) toast('good', good);
    return true;
  } catch (error) {
    toast('bad', messageOf(error));
    return false;
  }
}
