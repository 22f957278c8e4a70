import { Popover } from '@base-ui/react/popover';
import { Minus, Plus, SlidersHorizontal } from 'lucide-react';
import { IconButton } from '../components/parts';
import { LANGUAGES, type Language, useI18n } from '../i18n';
import { type Theme, useSettings, zoomStep } from '../store/settings';

const THEMES: Theme[] = ['system', 'light', 'dark'];

export function SettingsMenu() {
  const { t, language } = useI18n();
  const { theme, zoom } = useSettings();
  return (
    <Popover.Root>
      <Popover.Trigger className="button quiet icon" aria-label={t('settings')} title={t('settings')}>
        <SlidersHorizontal />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end" className="layer">
          <Popover.Popup className="popover stack" aria-label={t('settings')}>
            <fieldset className="choices">
              <legend>{t('theme')}</legend>
              {THEMES.map((choice) => (
                <label key={choice}>
                  <input
                    type="radio"
                    name="theme"
                    checked={theme === choice}
                    onChange={() => useSettings.setState({ theme: choice })}
                  />
                  <span>{t(`theme.${choice}`)}</span>
                </label>
              ))}
            </fieldset>
            <label className="field">
              <span>{t('language')}</span>
              <select
                className="input"
                value={language}
                onChange={(event) => useSettings.setState({ language: event.target.value as Language })}
              >
                {Object.entries(LANGUAGES).map(([code, { name }]) => (
                  <option key={code} value={code} lang={code}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <div className="field">
              <span>{t('zoom')}</span>
              <div className="row">
                <IconButton label={t('zoom.out')} onClick={() => useSettings.setState({ zoom: zoomStep(zoom, false) })}>
                  <Minus />
                </IconButton>
                <output>{zoom} %</output>
                <IconButton label={t('zoom.in')} onClick={() => useSettings.setState({ zoom: zoomStep(zoom, true) })}>
                  <Plus />
                </IconButton>
              </div>
            </div>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
