import { Dialog as Base } from '@base-ui/react/dialog';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { useI18n } from '../i18n';
import { useUi } from '../store/ui';
import { useClusterName } from './paths';
import { type Entry, useEntries, useHostEntries } from './useEntries';

/** The palette: a line of k9s's grammar, something to do, or any few letters of a place. */
export default function Palette() {
  return useClusterName() ? <OfCluster /> : <OfHost />;
}

function OfCluster() {
  return <Box entries={useEntries(useUi((ui) => ui.line))} hint="palette.hint" />;
}

function OfHost() {
  return <Box entries={useHostEntries(useUi((ui) => ui.line))} hint="palette.hint.host" />;
}

function Box({ entries, hint }: { entries: Entry[]; hint: 'palette.hint' | 'palette.hint.host' }) {
  const { t } = useI18n();
  const line = useUi((ui) => ui.line);
  const [focus, setFocus] = useState(0);
  const close = () => useUi.setState({ palette: false });
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    entry.run();
  };
  const entered = useUi((ui) => ui.entered);
  useEffect(() => {
    if (!entered || !entries[0]) return;
    useUi.setState({ palette: false, entered: false });
    entries[0].run();
  }, [entered, entries]);
  const keys = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setFocus((focus + step + entries.length) % Math.max(1, entries.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(entries[focus]);
    }
  };
  return (
    <Base.Root open onOpenChange={(open) => !open && close()}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup className="palette" aria-label={t('palette.open')}>
          <input
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant={entries[focus] && `palette-${focus}`}
            aria-label={t('palette.open')}
            placeholder={t(hint)}
            value={line}
            onChange={(event) => {
              useUi.setState({ line: event.target.value, entered: false });
              setFocus(0);
            }}
            onKeyDown={keys}
          />
          <div id="palette-list" role="listbox" aria-label={t('palette.open')}>
            {entries.map((entry, index) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys.
              <div
                key={entry.id}
                id={`palette-${index}`}
                role="option"
                aria-selected={index === focus}
                onPointerMove={() => setFocus(index)}
                onClick={() => run(entry)}
              >
                <span className="grow cut">{entry.text}</span>
                <span className="faint small">{entry.hint}</span>
              </div>
            ))}
          </div>
          {entries.length === 0 && <p className="soft">{t('palette.nothing')}</p>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
