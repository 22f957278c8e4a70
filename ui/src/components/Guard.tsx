import type { ReactNode } from 'react';
import { useI18n } from '../i18n';
import { Boundary } from './Boundary';
import { Button, Empty } from './parts';

/** Keeps the failure of a part to itself, says what it was, and tries once more when asked. */
export function Guard({ children }: { children: ReactNode }) {
  const { t } = useI18n();
  return (
    <Boundary
      fallback={(error, again) => (
        <Empty title={t('failure.title')} action={<Button onClick={again}>{t('retry')}</Button>}>
          {error.message}
        </Empty>
      )}
    >
      {children}
    </Boundary>
  );
}
