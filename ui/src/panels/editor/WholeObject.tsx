import { yaml } from '@codemirror/lang-yaml';
import { Download } from 'lucide-react';
import { useState } from 'react';
import type { KubeObject } from '../../api/contract';
import { Button, CopyButton } from '../../components/parts';
import { useI18n } from '../../i18n';
import { download, Panel } from '../parts';
import { CodeBox } from './CodeBox';
import { wholeText } from './document';

const YAML = yaml();

/** The object with all that the server has of it, as it is now: to read, to copy, to save as a file. */
export function WholeObject({ object, onBack }: { object: KubeObject; onBack: () => void }) {
  const { t } = useI18n();
  const [managed, setManaged] = useState(false);
  const text = wholeText(object, managed);
  return (
    <Panel
      label={t('panel.editor.whole')}
      bar={
        <>
          <Button onClick={onBack}>{t('panel.editor.back')}</Button>
          <label className="check">
            <input type="checkbox" checked={managed} onChange={(event) => setManaged(event.target.checked)} />
            managedFields
          </label>
          <span className="grow" />
          <CopyButton text={text} />
          <Button look="small" onClick={() => download(`${object.metadata.name}.yaml`, text, 'application/yaml')}>
            <Download /> {t('panel.config.download')}
          </Button>
        </>
      }
    >
      <CodeBox key={String(managed)} label={t('panel.editor.whole')} value={text} readOnly extensions={YAML} />
    </Panel>
  );
}
