import type { Status } from '../api/contract';
import { useI18n } from '../i18n';
import { useNow } from './Age';

interface Props {
  state: { loaded: boolean; live: boolean; since: number; error: Status | null };
  /** In a word, for toolbars. */
  brief?: boolean;
}

/** Says so when what the page shows no longer follows the cluster, and since when. Silent while it does. */
export function Staleness({ state: { loaded, live, since, error }, brief }: Props) {
  const { t, ago } = useI18n();
  useNow();
  if (live || (!error && !since)) return null;
  // That nobody answers is no news in the words of a socket.
  const silent = !error || error.code === 503;
  return (
    <p className={`${brief ? 'chip' : 'note'} ${silent ? 'warn' : 'bad'}`} role="status" title={error?.message}>
      {silent ? t('stale.waiting') : error.message} {loaded && since > 0 && t('stale.since', { ago: ago(since) })}
    </p>
  );
}
