import { Menu as Base } from '@base-ui/react/menu';
import type { ReactElement, ReactNode } from 'react';
import { useI18n } from '../i18n';
import { keyName } from '../i18n/others';

export interface MenuEntry {
  id: string;
  label: ReactNode;
  icon?: ReactNode;
  /** The key that does the same. */
  hint?: string;
  danger?: boolean;
  run: () => void;
}

interface Props {
  /** The button that opens the menu. */
  trigger: ReactElement;
  entries: MenuEntry[];
  align?: 'start' | 'end';
}

export function Menu({ trigger, entries, align = 'start' }: Props) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={4} align={align} className="layer">
          <MenuPopup entries={entries} />
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

/** A menu at a place instead of a button: for the right mouse button and the menu key. */
export function MenuAt({
  x,
  y,
  entries,
  onClose,
}: {
  x: number;
  y: number;
  entries: MenuEntry[];
  onClose: () => void;
}) {
  const anchor = { getBoundingClientRect: () => new DOMRect(x, y, 0, 0) };
  return (
    <Base.Root open onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Positioner anchor={anchor} side="bottom" align="start" className="layer">
          <MenuPopup entries={entries} />
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

function MenuPopup({ entries }: { entries: MenuEntry[] }) {
  const { t } = useI18n();
  return (
    <Base.Popup className="menu">
      {entries.map(({ id, label, icon, hint, danger, run }) => (
        <Base.Item key={id} className={danger ? 'item danger' : 'item'} onClick={run}>
          <span className="icon">{icon}</span>
          <span className="grow">{label}</span>
          {hint && <kbd>{keyName(hint, t)}</kbd>}
        </Base.Item>
      ))}
    </Base.Popup>
  );
}
