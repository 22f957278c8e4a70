import { useSyncExternalStore } from 'react';
import { useI18n } from '../i18n';
import { age, older } from '../kinds/read';

/** One clock for all ages on the page; it stands still while nobody looks. */
const TICK_MS = 5000;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick() {
  if (document.hidden) return;
  now = Date.now();
  for (const each of listeners) each();
}

function subscribe(listener: () => void) {
  // While nothing was old on the page the clock stood still.
  if (timer === undefined) {
    now = Date.now();
    timer = setInterval(tick, TICK_MS);
    document.addEventListener('visibilitychange', tick);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    document.removeEventListener('visibilitychange', tick);
    clearInterval(timer);
    timer = undefined;
  };
}

export const useNow = () => useSyncExternalStore(subscribe, () => now);

/** How old something is, live; the exact moment as a tooltip. */
export function Age({ since }: { since: string | undefined }) {
  const { date } = useI18n();
  // An age is drawn when its text changes, not at every tick.
  const text = useSyncExternalStore(subscribe, () => (since ? age(since, Math.max(now, Date.parse(since))) : ''));
  if (!since) return null;
  return (
    <time
      dateTime={since}
      // Told when asked for: a list draws thousands of ages that nobody points at.
      onMouseEnter={({ currentTarget }) => {
        currentTarget.title = date(since);
      }}
    >
      {text}
    </time>
  );
}

/** A cell with ages that the server wrote at a moment (seconds since 1970), as they are now. */
export function Aged({ text, at }: { text: string; at: number }) {
  return useSyncExternalStore(subscribe, () => older(text, Math.floor(now / 1000) - at));
}
