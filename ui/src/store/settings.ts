import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import type { Language } from '../i18n';

export type Theme = 'system' | 'light' | 'dark';

interface Settings {
  theme: Theme;
  /** Null: the browser's. */
  language: Language | null;
  /** Per cent. */
  zoom: number;
  tourSeen: boolean;
}

export const ZOOMS = [80, 90, 100, 110, 125, 150, 175, 200];

/** The user's choices, kept in this browser. */
export const useSettings = create<Settings>()(
  persist((): Settings => ({ theme: 'system', language: null, zoom: 100, tourSeen: false }), {
    name: 'devcluster-settings',
  }),
);

/** The next zoom step up or down. */
export function zoomStep(zoom: number, up: boolean): number {
  return up ? (ZOOMS.find((step) => step > zoom) ?? zoom) : (ZOOMS.findLast((step) => step < zoom) ?? zoom);
}

/** Puts theme and zoom on the document and keeps them there. */
export function applySettings() {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const { theme, zoom } = useSettings.getState();
    document.documentElement.dataset.theme = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
    document.documentElement.style.fontSize = `${(zoom / 100) * 14}px`;
  };
  dark.addEventListener('change', apply);
  useSettings.subscribe(apply);
  apply();
}
