import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { type FormEvent, type ReactNode, useRef, useState } from 'react';
import { useI18n } from '../i18n';
import { attempt, closeDialog } from '../store/ui';
import { Button, IconButton } from './parts';

interface Props {
  title: string;
  description?: ReactNode;
  children?: ReactNode;
  /** Wide enough for an editor. */
  wide?: boolean;
  /** The button that does it; without it the dialog only shows. */
  confirm?: { label: string; danger?: boolean; disabled?: boolean; run: () => Promise<unknown>; good?: string };
}

/** What is typed into first, if anything is; without that the way out has the focus. */
const field = (dialog: HTMLElement | null) =>
  dialog?.querySelector<HTMLElement>('input:not([type=checkbox], [type=radio]), textarea');

/** The one dialog that is open. It closes when what it asked about has succeeded. */
export function Dialog({ title, description, children, wide, confirm }: Props) {
  const { t } = useI18n();
  const [busy, setBusy] = useState(false);
  const popup = useRef<HTMLDivElement>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!confirm) return;
    setBusy(true);
    const done = await attempt(confirm.run, confirm.good);
    setBusy(false);
    if (done) closeDialog();
  };
  return (
    <Base.Root open onOpenChange={(open) => !open && closeDialog()}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup
          ref={popup}
          initialFocus={() => field(popup.current) ?? true}
          className={wide ? 'dialog wide' : 'dialog'}
        >
          <form onSubmit={submit}>
            <header>
              <Base.Title>{title}</Base.Title>
              <IconButton label={t('close')} look="small" onClick={closeDialog}>
                <X />
              </IconButton>
            </header>
            {description && <Base.Description render={<div className="soft" />}>{description}</Base.Description>}
            {children}
            {confirm && (
              <footer>
                <Button onClick={closeDialog}>{t('cancel')}</Button>
                <Button
                  type="submit"
                  look={confirm.danger ? 'primary danger' : 'primary'}
                  disabled={busy || confirm.disabled}
                >
                  {confirm.label}
                </Button>
              </footer>
            )}
          </form>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
