import type { MenuEntry } from '../components/Menu';
import type { I18n } from '../i18n';
import type { Action } from '../kinds/actions';

/** Actions as the entries of a menu. */
export const actionEntries = (actions: Action[], { t }: I18n, run: (action: Action) => void): MenuEntry[] =>
  actions.map((action) => {
    const { id, icon: Icon, key, danger } = action;
    return { id, label: t(`action.${id}`), icon: <Icon />, hint: key, danger, run: () => run(action) };
  });
