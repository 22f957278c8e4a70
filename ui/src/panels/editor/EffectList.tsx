import { type I18n, useI18n } from '../../i18n';
import type { Effect } from './effects';

/** What a save will do, in words. */
export function EffectList({ effects }: { effects: Effect[] }) {
  const i18n = useI18n();
  return (
    <ul className="note warn" data-testid="effects">
      {effects.map((effect) => (
        <li key={effect.kind}>{effectText(effect, i18n)}</li>
      ))}
    </ul>
  );
}

function effectText(effect: Effect, { t, tn }: I18n): string {
  switch (effect.kind) {
    case 'restarts':
    case 'replaces':
    case 'onDelete':
      return tn(`panel.effect.${effect.kind}`, effect.pods);
    case 'scales':
      return t('panel.effect.scales', { from: effect.from, to: effect.to });
    default:
      return t(`panel.effect.${effect.kind}`);
  }
}
