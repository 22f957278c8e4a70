import { stringify } from 'yaml';
import { Button } from '../../components/parts';
import { useI18n } from '../../i18n';
import type { Json } from '../json';
import { type Conflict, pathText } from './merge';

interface Props {
  conflicts: Conflict[];
  /** Whether theirs can be put into the text: not while that is no YAML. */
  able: boolean;
  onMine: (conflict: Conflict) => void;
  onTheirs: (conflict: Conflict) => void;
}

/** What both the user and the cluster changed: the three values side by side, and the choice between two. */
export function Conflicts({ conflicts, able, onMine, onTheirs }: Props) {
  const { t } = useI18n();
  if (conflicts.length === 0) return null;
  return (
    <div className="note bad" role="alert" data-testid="conflicts">
      <p>{t('panel.editor.conflicts')}</p>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t('panel.editor.field')}</th>
            <th scope="col">{t('panel.editor.base')}</th>
            <th scope="col">{t('panel.editor.mine')}</th>
            <th scope="col">{t('panel.editor.theirs')}</th>
            <th scope="col">
              <span className="hidden-text">{t('panel.editor.decide')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {conflicts.map((conflict) => (
            <tr key={pathText(conflict.path)}>
              <th scope="row" className="mono">
                {pathText(conflict.path)}
              </th>
              <Value value={conflict.base} />
              <Value value={conflict.mine} />
              <Value value={conflict.theirs} />
              <td>
                <div className="row tight">
                  <Button look="small" onClick={() => onMine(conflict)}>
                    {t('panel.editor.keepMine')}
                  </Button>
                  <Button look="small" disabled={!able} onClick={() => onTheirs(conflict)}>
                    {t('panel.editor.takeTheirs')}
                  </Button>
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Value({ value }: { value: Json | undefined }) {
  const { t } = useI18n();
  return (
    <td>
      {value === undefined ? (
        <em>{t('panel.editor.absent')}</em>
      ) : (
        <pre>{stringify(value, { lineWidth: 60 }).trim()}</pre>
      )}
    </td>
  );
}
