import { Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import type { ExtraColumn } from '../../api/contract';
import { Dialog } from '../../components/Dialog';
import { Button, IconButton } from '../../components/parts';
import { useI18n } from '../../i18n';
import { useParam } from '../../shell/paths';
import { readColumns, writeColumns } from './columns';

/** Which columns a list shows: the server's further ones, and own ones by label or by JSONPath. */
export function ColumnsDialog() {
  const { t } = useI18n();
  const [wide, setWide] = useParam('wide');
  const [value, setValue] = useParam('cols');
  const [columns, setColumns] = useState(() => readColumns(value));
  const [how, setHow] = useState<'label' | 'path'>('label');
  const [what, setWhat] = useState('');
  const [name, setName] = useState('');
  const save = (next: ExtraColumn[]) => {
    setColumns(next);
    setValue(writeColumns(next));
  };
  const add = () => {
    const title = (name || (what.split(/[./[\]]/).findLast(Boolean) ?? what)).replace(/[:;]/g, ' ');
    save([...columns, how === 'label' ? { name: title, label: what } : { name: title, jsonPath: what }]);
    setWhat('');
    setName('');
  };
  return (
    <Dialog title={t('columns')}>
      <label className="check">
        <input
          type="checkbox"
          defaultChecked={wide === '1'}
          onChange={(event) => setWide(event.target.checked ? '1' : '')}
        />
        {t('columns.wide')}
      </label>
      {columns.map((column) => (
        <div key={column.name} className="row">
          <strong>{column.name}</strong>
          <code className="grow cut">{'label' in column ? column.label : column.jsonPath}</code>
          <IconButton
            label={t('columns.remove', { name: column.name })}
            onClick={() => save(columns.filter((other) => other !== column))}
          >
            <Trash2 />
          </IconButton>
        </div>
      ))}
      <fieldset className="options">
        <legend>{t('columns.add')}</legend>
        <div className="row">
          <select
            className="input"
            aria-label={t('columns.by')}
            value={how}
            onChange={(event) => setHow(event.target.value as 'label' | 'path')}
          >
            <option value="label">{t('label')}</option>
            <option value="path">JSONPath</option>
          </select>
          <input
            className="input grow mono"
            aria-label={how === 'label' ? t('label') : 'JSONPath'}
            placeholder={how === 'label' ? 'app' : '.spec.nodeName'}
            value={what}
            onChange={(event) => setWhat(event.target.value)}
          />
          <input
            className="input"
            aria-label={t('columns.title')}
            placeholder={t('columns.title')}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <Button onClick={add} disabled={what.trim() === ''}>
            <Plus />
            {t('add')}
          </Button>
        </div>
      </fieldset>
    </Dialog>
  );
}
