import { useI18n } from '../../i18n';

interface Props {
  filter: string;
  onFilter: (text: string) => void;
  labels: string;
  onLabels: (text: string) => void;
}

/** What narrows a list: words, and labels. */
export function Search({ filter, onFilter, labels, onLabels }: Props) {
  const { t } = useI18n();
  return (
    <>
      <input
        className="input"
        type="search"
        data-filter
        placeholder={`${t('filter')}  /`}
        aria-label={t('filter')}
        value={filter}
        onChange={(event) => onFilter(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' && event.key !== 'Enter') return;
          if (event.key === 'Escape') onFilter('');
          document.querySelector<HTMLElement>('[role=grid]')?.focus();
        }}
      />
      <input
        className="input labels"
        defaultValue={labels}
        key={labels}
        placeholder={t('labels.hint')}
        aria-label={t('labels')}
        onBlur={(event) => onLabels(event.target.value.trim())}
        onKeyDown={(event) => event.key === 'Enter' && onLabels(event.currentTarget.value.trim())}
      />
    </>
  );
}
