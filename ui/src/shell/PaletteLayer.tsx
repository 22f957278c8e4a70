import { Suspense, useEffect } from 'react';
import { lazily } from '../components/lazily';
import { useUi } from '../store/ui';

const load = () => import('./Palette');
const Palette = lazily(load);

/** The palette above a page, when it is open. */
export function PaletteLayer() {
  const open = useUi((ui) => ui.palette);
  // Who types into the palette does not wait for it. What fails here is asked for again when it is opened.
  useEffect(() => {
    const timer = setTimeout(() => load().catch(() => undefined), 1000);
    return () => clearTimeout(timer);
  }, []);
  if (!open) return null;
  return (
    <Suspense fallback={null}>
      <Palette />
    </Suspense>
  );
}
