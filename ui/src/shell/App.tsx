import type { Session } from '../api/session';
import { Boundary } from '../components/Boundary';
import { Button, Command, Empty } from '../components/parts';
import { useI18n } from '../i18n';

export function App({ session }: { session: Session }) {
  const { t } = useI18n();
  if (session.state !== 'open') return <NoSession state={session.state} />;
  return (
    <Boundary
      fallback={(error, again) => (
        <Empty title={t('failure.title')} action={<Button onClick={again}>{t('retry')}</Button>}>
          {error.message}
        </Empty>
      )}
    >
      <main />
    </Boundary>
  );
}

function NoSession({ state }: { state: 'closed' | 'unreachable' }) {
  const { t } = useI18n();
  return (
    <main>
      <Empty title={t(`session.${state}.title`)} action={<Command text="devcluster dashboard" />}>
        {t(`session.${state}.text`)}
      </Empty>
    </main>
  );
}
