import { Trash2 } from 'lucide-react';
import { Menu } from '../../components/Menu';
import { Button } from '../../components/parts';
import { useI18n } from '../../i18n';
import { type ActionId, actionsFor } from '../../kinds/actions';
import type { Resource } from '../../kinds/discovery';
import { actionEntries } from '../../shell/actionEntries';

interface Props {
  resource: Resource;
  count: number;
  run: (id: ActionId) => void;
  clear: () => void;
  /** What could be selected beyond. */
  all: { count: number; select: () => void } | null;
}

/** How many rows are selected, and what can be done to all of them. */
export function BulkBar({ resource, count, run, clear, all }: Props) {
  const i18n = useI18n();
  const { t, tn, number } = i18n;
  const actions = actionsFor(resource);
  const many = actions.filter((action) => action.many && action.id !== 'delete');
  const entries = actionEntries(many, i18n, ({ id }) => run(id));
  return (
    <div className="bulk row" role="toolbar" aria-label={t('selection')}>
      <strong>{tn('selected', count)}</strong>
      {all && (
        <Button look="quiet" onClick={all.select}>
          {t('selection.all', { count: number(all.count) })}
        </Button>
      )}
      <span className="grow" />
      {entries.length > 0 && <Menu trigger={<Button>{t('actions')}</Button>} entries={entries} align="end" />}
      {actions.some(({ id }) => id === 'delete') && (
        <Button look="danger" onClick={() => run('delete')}>
          <Trash2 />
          {t('action.delete')}
        </Button>
      )}
      <Button look="quiet" onClick={clear}>
        {t('selection.clear')}
      </Button>
    </div>
  );
}
