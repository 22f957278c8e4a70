import { useI18n } from '../i18n';

/** The first stop of the keyboard: past header and navigation, to the page. */
export function SkipLink() {
  const { t } = useI18n();
  return (
    <a className="button primary skip" href="#page">
      {t('skip')}
    </a>
  );
}
