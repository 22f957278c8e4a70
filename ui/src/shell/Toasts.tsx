import { X } from 'lucide-react';
import { HealthMark, IconButton } from '../components/parts';
import { useI18n } from '../i18n';
import { dismiss, useUi } from '../store/ui';

export function Toasts() {
  const { t } = useI18n();
  const toasts = useUi((ui) => ui.toasts);
  return (
    <section className="toasts" aria-live="polite" aria-label={t('messages')}>
      {toasts.map(({ id, look, text }) => (
        <div key={id} className="toast">
          <HealthMark health={look === 'good' ? 'ok' : 'bad'} />
          <span className="grow">{text}</span>
          <IconButton label={t('dismiss')} look="small" onClick={() => dismiss(id)}>
            <X />
          </IconButton>
        </div>
      ))}
    </section>
  );
}
