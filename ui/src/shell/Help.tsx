import { Dialog as Base } from '@base-ui/react/dialog';
import { useI18n } from '../i18n';
import { keyName } from '../i18n/others';
import { ACTIONS } from '../kinds/actions';
import { useUi } from '../store/ui';
import { DOCK_KEYS, KINDS, PLACES } from './keys';

const GENERAL = [
  [':', 'keys.palette'],
  ['/', 'keys.filter'],
  ['?', 'keys.help'],
  ['Esc', 'keys.back'],
] as const;

const FILTERS = [
  ['web shop', 'filter.words'],
  ['!web', 'filter.not'],
  ['/^web-\\d+/', 'filter.regex'],
  ['status:crash', 'filter.column'],
  ['-l app=web,tier!=db', 'filter.labels'],
  ['"two words"', 'filter.quotes'],
] as const;

const PANELS = { next: 'keys.panel.next', close: 'keys.panel.close', fold: 'keys.panel.fold' } as const;

const GRID = [
  ['↑ ↓ j k', 'keys.move'],
  ['Enter d', 'open'],
  ['Space', 'keys.select'],
  ['Shift ↑ ↓', 'keys.extend'],
  ['Ctrl A', 'keys.all'],
  ['n', 'create'],
] as const;

/** All keys, on one sheet. */
export default function Help() {
  const { t } = useI18n();
  const actions = [...new Map(ACTIONS.map(({ key, id }) => [`${key}${id}`, { key, id }])).values()];
  return (
    <Base.Root open onOpenChange={(open) => useUi.setState({ help: open })}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup className="dialog wide">
          <Base.Title>{t('keys')}</Base.Title>
          <div className="keys">
            <Keys
              title={t('keys.everywhere')}
              keys={[
                ...GENERAL.map(([key, label]) => [key, t(label)] as const),
                ['0 … 9', t('keys.namespaces')],
                ['g h', t('clusters')],
                ['g +', t('cluster.create')],
                ...Object.entries(PLACES).map(([key, id]) => [`g ${key}`, t(id ? `page.${id}` : 'overview')] as const),
                ...Object.entries(KINDS).map(([key, kind]) => [`g ${key}`, kind] as const),
              ]}
            />
            <Keys title={t('dock')} keys={Object.entries(DOCK_KEYS).map(([key, does]) => [key, t(PANELS[does])])} />
            <Keys title={t('keys.lists')} keys={GRID.map(([key, label]) => [key, t(label)])} />
            <section>
              <h2>{t('filter.grammar')}</h2>
              <dl>
                {FILTERS.map(([text, label]) => (
                  <div key={text} className="row">
                    <dt>
                      <code>{text}</code>
                    </dt>
                    <dd>{t(label)}</dd>
                  </div>
                ))}
              </dl>
            </section>
            <Keys title={t('keys.actions')} keys={actions.map(({ key, id }) => [key, t(`action.${id}`)])} />
          </div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

function Keys({ title, keys }: { title: string; keys: (readonly [string, string])[] }) {
  const { t } = useI18n();
  return (
    <section>
      <h2>{title}</h2>
      <dl>
        {keys.map(([key, label]) => (
          <div key={`${key}${label}`} className="row">
            <dt>
              {key.split(' ').map((part) => (
                <kbd key={part}>{keyName(part, t)}</kbd>
              ))}
            </dt>
            <dd>{label}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
