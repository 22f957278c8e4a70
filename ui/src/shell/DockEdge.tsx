import type { KeyboardEvent, PointerEvent } from 'react';
import { useI18n } from '../i18n';

const LEAST = 15;
const MOST = 85;
const STEP = 5;

/** The upper edge of the dock, which is pulled, or moved by arrow keys; the height is in per cent of the page. */
export function DockEdge({ height, set }: { height: number; set: (height: number) => void }) {
  const { t } = useI18n();
  const keep = (wanted: number) => set(Math.max(LEAST, Math.min(MOST, Math.round(wanted))));
  const keys = (event: KeyboardEvent) => {
    const step = { ArrowUp: STEP, ArrowDown: -STEP, Home: MOST - height, End: LEAST - height }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    keep(height + step);
  };
  const pull = (event: PointerEvent<HTMLElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.closest('.main')?.getBoundingClientRect();
    if (box) keep(((box.bottom - event.clientY) / box.height) * 100);
  };
  return (
    <div
      role="separator"
      className="dock-edge"
      aria-orientation="horizontal"
      aria-label={t('dock.taller')}
      title={t('dock.taller')}
      aria-valuenow={height}
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      tabIndex={0}
      onKeyDown={keys}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={pull}
    />
  );
}
