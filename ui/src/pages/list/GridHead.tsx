import { ArrowDown, ArrowUp } from 'lucide-react';
import { useI18n } from '../../i18n';
import { useParam } from '../../shell/paths';
import { nextSort, type Shown } from './columns';

/** The names of the columns, which sort by them. */
export function GridHead({ columns, minWidth }: { columns: Shown[]; minWidth: string }) {
  const { t } = useI18n();
  const [sort, setSort] = useParam('sort');
  const [by, direction] = sort.split(':');
  const ariaSort = (name: string) => (by !== name ? 'none' : direction === 'desc' ? 'descending' : 'ascending');
  return (
    <div role="rowgroup" className="grid-head" style={{ minWidth }}>
      <div role="row" aria-rowindex={1}>
        <span role="columnheader">
          <span className="hidden-text">{t('selection')}</span>
        </span>
        {columns.map(({ name, kind, numeric, description, below }) => (
          <span
            key={`${kind}${name}`}
            role="columnheader"
            aria-sort={kind === 'why' ? undefined : ariaSort(name)}
            className={below ? 'hidden-text' : numeric ? 'numeric' : undefined}
          >
            {kind === 'why' ? (
              t('why')
            ) : (
              <button
                type="button"
                title={description || undefined}
                onClick={() => setSort(nextSort(sort, name, kind))}
              >
                {name}
                {by === name && (direction === 'desc' ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />)}
              </button>
            )}
          </span>
        ))}
        <span role="columnheader" className="at-edge">
          <span className="hidden-text">{t('actions')}</span>
        </span>
      </div>
    </div>
  );
}
