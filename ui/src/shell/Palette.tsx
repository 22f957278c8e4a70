import { Dialog as Base } from '@base-ui/react/dialog';
import fuzzysort from 'fuzzysort';
import { type KeyboardEvent, useEffect, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { useI18n } from '../i18n';
import { isAsleep } from '../kinds/clusters';
import { plural, type Resource } from '../kinds/discovery';
import { longName } from '../kinds/sections';
import { useList, useListState } from '../store/hooks';
import { useHost } from '../store/host';
import { useSettings } from '../store/settings';
import { listSpec } from '../store/specs';
import { useUi } from '../store/ui';
import { useCluster } from './cluster';
import { parseCommand, ranked } from './command';
import { anything } from './dock';
import { useNamespaces } from './NamespaceFilter';
import { clusterHref, listHref, objectHref, PAGES, ROUTES, useLinks } from './paths';
import { useDock } from './useDock';

interface Entry {
  id: string;
  text: string;
  hint: string;
  run: () => void;
}

const SHOWN = 12;

/** The palette: a line of k9s's grammar, or any few letters of a place. */
export default function Palette() {
  const { t } = useI18n();
  const line = useUi((ui) => ui.line);
  const [focus, setFocus] = useState(0);
  const entries = useEntries(line);
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
            placeholder={t('palette.hint')}
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

const kindId = (resource: Resource) => `kind ${longName(resource)}`;

/** What the line could mean, best first: the kind it names, objects of that kind, then places by letters. */
function useEntries(line: string): Entry[] {
  const { t } = useI18n();
  const { name, resources, sections, cluster: current } = useCluster();
  const links = useLinks();
  const dock = useDock();
  const [, navigate] = useLocation();
  const clusters = useHost((host) => host.clusters);
  const namespaces = useNamespaces();
  const command = useMemo(() => parseCommand(line, resources, namespaces), [line, resources, namespaces]);
  const { resource } = command;
  const cluster = command.cluster || name;
  const running = current !== undefined && !isAsleep(current);
  const view = useList(
    resource && running
      ? listSpec(cluster, resource, {
          namespaces: command.namespaces,
          filter: command.filter,
          labelSelector: command.labels,
          limit: SHOWN - 1,
        })
      : null,
  );
  const { order } = useListState(view).data;

  const places = useMemo(() => {
    const set = (theme: 'light' | 'dark') => () => useSettings.setState({ theme });
    return [
      // In the navigation's order, so that what is most used is offered before anything is typed.
      ...sections
        .flatMap((section) => section.resources)
        .map((r) => ({
          id: kindId(r),
          text: plural(r),
          hint: r.short[0] ?? r.group,
          run: () => navigate(links.list(r)),
        })),
      ...PAGES.map((page) => ({
        id: `page ${page}`,
        text: t(`page.${page}`),
        hint: '',
        run: () => navigate(links.page(page)),
      })),
      { id: 'overview', text: t('overview'), hint: '', run: () => navigate(links.page()) },
      { id: 'create', text: t('cluster.create'), hint: '', run: () => navigate(ROUTES.create) },
      { id: 'light', text: `${t('theme')}: ${t('theme.light')}`, hint: '', run: set('light') },
      { id: 'dark', text: `${t('theme')}: ${t('theme.dark')}`, hint: '', run: set('dark') },
      { id: 'help', text: t('keys'), hint: '?', run: () => useUi.setState({ help: true }) },
      ...(clusters ?? []).map((c) => ({
        id: `cluster ${c.name}`,
        text: `@${c.name}`,
        hint: t('cluster'),
        run: () => navigate(c.name === name ? links.page() : clusterHref(c.name)),
      })),
      ...namespaces.map((ns) => ({
        id: `ns ${ns}`,
        text: ns,
        hint: t('namespace'),
        run: () => navigate(links.page(undefined, { ns })),
      })),
    ];
  }, [sections, clusters, namespaces, links, navigate, name, t]);

  const ofKind = (): Entry[] => {
    if (!resource) return [];
    const query: Record<string, string> = {};
    if (command.namespaces.length > 0) query.ns = command.namespaces.join(',');
    if (command.filter) query.q = command.filter;
    if (command.labels) query.l = command.labels;
    const here = cluster === name;
    const elsewhere = () => `${listHref(cluster, resource)}?${new URLSearchParams(query)}`;
    const text = [plural(resource), ...command.namespaces, command.labels, command.filter && `/${command.filter}`];
    const list: Entry = {
      id: kindId(resource),
      text: text.filter(Boolean).join(' '),
      hint: command.cluster ? `@${command.cluster}` : '↵',
      run: () => navigate(here ? links.list(resource, query) : elsewhere()),
    };
    const objects = order.flatMap((uid): Entry[] => {
      const row = view.row(uid);
      if (!row) return [];
      const { group, version, resource: plural_ } = resource;
      const ref = { cluster, group, version, resource: plural_, namespace: row.namespace, name: row.name };
      return [
        {
          id: uid,
          text: row.name,
          hint: row.namespace,
          run: () => navigate(here ? links.object(ref) : objectHref(ref)),
        },
      ];
    });
    return [list, ...objects];
  };
  if (line.trim() === '') return places.slice(0, SHOWN);
  const any = () => dock.open('create', anything(links.namespaces[0]));
  const all = [...places, { id: 'any', text: t('create.any'), hint: '', run: any }];
  const letters = fuzzysort.go(line, all, { keys: ['text', 'hint'], limit: SHOWN, threshold: 0.3 });
  return ranked(
    command,
    ofKind(),
    letters.map(({ obj }) => obj),
    SHOWN,
  );
}
