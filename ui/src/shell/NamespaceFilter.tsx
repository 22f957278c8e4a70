import { Popover } from '@base-ui/react/popover';
import { ChevronDown, Layers } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Button } from '../components/parts';
import { useI18n } from '../i18n';
import { isAsleep } from '../kinds/clusters';
import { NAMESPACES } from '../kinds/gvrs';
import { useList, useListState } from '../store/hooks';
import { listSpec } from '../store/specs';
import { useCluster } from './cluster';
import { parseNamespaces, useParam } from './paths';

/** The cluster's namespaces by name, live. */
export function useNamespaces(): string[] {
  const { name, cluster } = useCluster();
  const view = useList(cluster && !isAsleep(cluster) ? listSpec(name, NAMESPACES, { limit: 1000 }) : null);
  const { order } = useListState(view).data;
  return useMemo(() => order.flatMap((uid) => view.row(uid)?.name ?? []).sort(), [order, view]);
}

/** Namespaces as people look for them: their own before those of the cluster itself. The first nine have a digit as key. */
export function ownFirst(names: string[]): string[] {
  const system = (name: string) => name.startsWith('kube-');
  return [...names.filter((name) => !system(name)), ...names.filter(system)];
}

/** Chooses the namespaces that every page shows. */
export function NamespaceFilter() {
  const { t, tn } = useI18n();
  const all = ownFirst(useNamespaces());
  const [value, setValue] = useParam('ns');
  const [search, setSearch] = useState('');
  const chosen = parseNamespaces(new URLSearchParams({ ns: value }));
  const toggle = (name: string) =>
    setValue((chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]).join(','));
  const label =
    chosen.length === 0 ? t('namespaces.all') : chosen.length === 1 ? chosen[0] : tn('namespaces', chosen.length);
  return (
    <Popover.Root>
      <Popover.Trigger className="button quiet" title={t('namespaces.choose')}>
        <Layers />
        <span className="hidden-text">{t('namespaces.choose')}: </span>
        <span className="cut namespace-label">{label}</span>
        <ChevronDown />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="start" className="layer">
          <Popover.Popup className="popover stack" aria-label={t('namespaces.choose')}>
            <input
              className="input"
              type="search"
              placeholder={t('filter')}
              aria-label={t('filter')}
              value={search}
              onChange={(event) => setSearch(event.target.value)}
            />
            <ul className="choose">
              {all
                .filter((name) => name.includes(search))
                .map((name) => (
                  <li key={name} className="row">
                    <label className="check grow">
                      <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
                      <span className="grow cut">{name}</span>
                      {all.indexOf(name) < 9 && <kbd>{all.indexOf(name) + 1}</kbd>}
                    </label>
                    <Button
                      look="quiet small"
                      aria-label={t('namespaces.only', { name })}
                      onClick={() => setValue(name)}
                    >
                      {t('only')}
                    </Button>
                  </li>
                ))}
            </ul>
            <Button onClick={() => setValue('')} disabled={chosen.length === 0}>
              {t('namespaces.all')} <kbd>0</kbd>
            </Button>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
