import './config.css';
import { yaml } from '@codemirror/lang-yaml';
import type { Extension } from '@codemirror/state';
import { Download, Eye, EyeOff, Trash2, Undo2, Upload } from 'lucide-react';
import { useState } from 'react';
import { Button, CopyButton } from '../../components/parts';
import { useI18n } from '../../i18n';
import { CodeBox } from '../editor/CodeBox';
import { download } from '../parts';
import { bytesText } from '../units';
import { fromBytes, fromText, hexDump, sizeOf, toBytes, toText } from './entries';

const YAML: Extension = yaml();
const PLAIN: Extension = [];

interface Props {
  name: string;
  /** Base64; undefined when the key is removed. */
  value: string | undefined;
  base: string | undefined;
  /** Hidden until shown. */
  hidden: boolean;
  readOnly: boolean;
  onChange: (value: string | undefined) => void;
}

/** One value: as text where it is text, else its first bytes; files up and down. */
export function ValueEditor({ name, value, base, hidden, readOnly, onChange }: Props) {
  const { t } = useI18n();
  const [shown, setShown] = useState(!hidden || value === '');
  if (value === undefined) {
    return (
      <div className="row config-head">
        <span className="grow">{t('panel.config.willGo', { key: name })}</span>
        <Button onClick={() => onChange(base)}>
          <Undo2 /> {t('panel.config.restore')}
        </Button>
      </div>
    );
  }
  const text = toText(value);
  return (
    <>
      <div className="row tight config-head">
        <h2 className="mono grow cut">{name}</h2>
        <span className="soft small">
          {bytesText(sizeOf(value))} {text === null && t('panel.config.binary')}
        </span>
        {hidden && (
          <Button look="small" aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? <EyeOff /> : <Eye />} {t(shown ? 'panel.config.hide' : 'panel.config.show')}
          </Button>
        )}
        {text !== null && <CopyButton text={text} />}
        <Button look="small" onClick={() => download(name, toBytes(value), 'application/octet-stream')}>
          <Download /> {t('panel.config.download')}
        </Button>
        {!readOnly && (
          <>
            <label className="button small">
              <Upload /> {t('panel.config.upload')}
              <input
                type="file"
                className="hidden-text"
                onChange={async ({ target }) => {
                  const file = target.files?.[0];
                  // The same file again is a change as well.
                  target.value = '';
                  if (file) onChange(fromBytes(new Uint8Array(await file.arrayBuffer())));
                }}
              />
            </label>
            <Button look="small danger" onClick={() => onChange(undefined)}>
              <Trash2 /> {t('panel.config.remove')}
            </Button>
          </>
        )}
      </div>
      <div className="config-text">
        {!shown ? (
          <p className="empty">{t('panel.config.hidden')}</p>
        ) : text === null ? (
          <pre className="config-hex">{hexDump(toBytes(value))}</pre>
        ) : (
          <CodeBox
            label={t('panel.config.value', { key: name })}
            value={text}
            readOnly={readOnly}
            extensions={/\.ya?ml$/.test(name) ? YAML : PLAIN}
            onChange={(next) => onChange(fromText(next))}
          />
        )}
      </div>
    </>
  );
}
