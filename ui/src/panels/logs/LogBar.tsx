import { Download, Eraser, Pause, Play, SlidersHorizontal } from 'lucide-react';
import { useId, useState } from 'react';
import { Choose, IconButton, type Option } from '../../components/parts';
import { useI18n } from '../../i18n';
import { span } from '../../kinds/read';
import type { Choices } from './LogsPanel';
import type { Severity } from './severity';

/** How far back, in seconds; 0 for as far as there is. */
const SINCE = [0, 300, 3600, 86_400];

const SEVERITIES = ['error', 'warning', 'info', 'debug'] as const satisfies Severity[];

interface Props {
  choices: Choices;
  change: (part: Partial<Choices>) => void;
  sources: string[];
  containers: string[];
  hasJson: boolean;
  broken: boolean;
  onDownload: () => void;
  onClear: () => void;
}

/** What is asked for in the log. On a narrow screen all but the search is behind a button, so that lines have the room. */
export function LogBar({ choices, change, sources, containers, hasJson, broken, onDownload, onClear }: Props) {
  const { t } = useI18n();
  const [open, setOpen] = useState(false);
  const options = useId();
  const toggle = (severity: Severity) => {
    const { severities } = choices;
    change({
      severities: severities.includes(severity)
        ? severities.filter((one) => one !== severity)
        : [...severities, severity],
    });
  };
  return (
    <>
      <IconButton
        label={t(choices.paused ? 'panel.logs.follow' : 'panel.logs.pause')}
        onClick={() => change({ paused: !choices.paused })}
      >
        {choices.paused ? <Play /> : <Pause />}
      </IconButton>
      <input
        className="input"
        type="search"
        aria-label={t('panel.logs.search')}
        placeholder={t('panel.logs.search')}
        aria-invalid={broken}
        value={choices.query}
        onChange={(event) => change({ query: event.target.value })}
      />
      <IconButton
        className="log-more"
        label={t('panel.logs.options')}
        aria-expanded={open}
        aria-controls={options}
        onClick={() => setOpen(!open)}
      >
        <SlidersHorizontal />
      </IconButton>
      <div id={options} className="log-options" data-open={open}>
        <input
          className="input"
          type="search"
          aria-label={t('panel.logs.filter')}
          placeholder={t('panel.logs.filter')}
          value={choices.filter}
          onChange={(event) => change({ filter: event.target.value })}
        />
        <Choose
          label={t('panel.logs.since')}
          value={choices.since}
          set={(since) => change({ since: Number(since), at: 0 })}
          options={SINCE.map((seconds) => [
            seconds,
            seconds === 0 ? t('panel.logs.sinceBegin') : t('panel.logs.sinceAgo', { age: span(seconds) }),
          ])}
        />
        {containers.length > 1 && (
          <Choose
            label={t('container')}
            value={choices.container}
            set={(container) => change({ container, source: '' })}
            options={[['', t('panel.logs.allContainers')], ...named(containers)]}
          />
        )}
        {sources.length > 1 && (
          <Choose
            label={t('panel.logs.source')}
            value={choices.source}
            set={(source) => change({ source })}
            options={[['', t('panel.logs.allSources', { count: sources.length })], ...named(sources)]}
          />
        )}
        <fieldset className="row tight severities">
          <legend className="hidden-text">{t('panel.logs.severity')}</legend>
          {SEVERITIES.map((severity) => (
            <button
              key={severity}
              type="button"
              className={`button small severity ${severity}`}
              aria-pressed={choices.severities.includes(severity)}
              onClick={() => toggle(severity)}
            >
              {t(`panel.logs.${severity}`)}
            </button>
          ))}
        </fieldset>
        <Check label={t('panel.logs.regex')} on={choices.regex} set={(regex) => change({ regex })} />
        <Check label={t('panel.logs.times')} on={choices.times} set={(times) => change({ times })} />
        <Check label={t('panel.logs.wrap')} on={choices.wrap} set={(wrap) => change({ wrap })} />
        {hasJson && (
          <Check label={t('panel.logs.columns')} on={choices.columns} set={(columns) => change({ columns })} />
        )}
        <Check label={t('panel.logs.previous')} on={choices.previous} set={(previous) => change({ previous })} />
        <span className="grow" />
        <IconButton label={t('panel.logs.clear')} onClick={onClear}>
          <Eraser />
        </IconButton>
        <IconButton label={t('panel.logs.download')} onClick={onDownload}>
          <Download />
        </IconButton>
      </div>
    </>
  );
}

const named = (names: string[]) => names.map((name): Option => [name, name]);

function Check({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <label className="check">
      <input type="checkbox" checked={on} onChange={(event) => set(event.target.checked)} />
      {label}
    </label>
  );
}
