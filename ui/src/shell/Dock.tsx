import { ChevronDown, ChevronUp, X } from 'lucide-react';
import { Suspense, useEffect, useRef, useState } from 'react';
import type { ObjectRef } from '../api/contract';
import { Guard } from '../components/Guard';
import { lazily } from '../components/lazily';
import { Empty, IconButton } from '../components/parts';
import { moveTab } from '../components/tabs';
import { useI18n } from '../i18n';
import { PanelKeeper } from '../store/panelState';
import { useCluster } from './cluster';
import { DockEdge } from './DockEdge';
import type { DockTab } from './dock';
import { DOCK_KEYS, usePlainKeys } from './keys';
import { useDock } from './useDock';

const DockPanel = lazily(() => import('./DockPanel'));

/** The panels below the page. All stay mounted, so that a shell or a log does not end when another tab is looked at. */
export function Dock() {
  const { t } = useI18n();
  const { name } = useCluster();
  const dock = useDock();
  const [small, setSmall] = useState(false);
  const [height, setHeight] = useState(45);
  const active = dock.tabs[dock.active];
  const tabs = dock.tabs.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab opens the dock.
  useEffect(() => setSmall(false), [dock.active, tabs]);
  // Who closes a panel from within goes on in the next one, or on the page.
  const within = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: when one is closed.
  useEffect(() => {
    if (!within.current) return;
    within.current = false;
    (document.getElementById(`dock-tab-${dock.active}`) ?? document.getElementById('page'))?.focus();
  }, [tabs]);
  const close = (index: number) => {
    within.current = document.activeElement?.closest('.dock') != null;
    dock.close(index);
  };
  usePlainKeys((event) => {
    const step = DOCK_KEYS[event.key];
    if (tabs === 0 || step === undefined) return;
    event.preventDefault();
    if (step === 'fold') return setSmall(!small);
    if (step === 'close') return close(dock.active);
    const next = (dock.active + 1) % tabs;
    dock.select(next);
    document.getElementById(`dock-tab-${next}`)?.focus();
  });
  if (tabs === 0) return null;
  return (
    <section className="dock" aria-label={t('dock')} style={{ height: small ? 'auto' : `${height}%` }}>
      {!small && <DockEdge height={height} set={setHeight} />}
      <header className="row">
        <div role="tablist" aria-label={t('dock')} className="row tight grow" onKeyDown={moveTab}>
          {dock.tabs.map((tab, index) => (
            <span key={tabKey(tab)} className="dock-tab" role="presentation" data-active={index === dock.active}>
              <button
                type="button"
                role="tab"
                id={`dock-tab-${index}`}
                aria-selected={index === dock.active}
                tabIndex={index === dock.active ? 0 : -1}
                aria-controls={`dock-panel-${index}`}
                onClick={() => dock.select(index)}
              >
                {t(`dock.${tab.kind}`)} · {tab.ref.name}
              </button>
              <IconButton label={t('dock.close', { name: tab.ref.name })} look="small" onClick={() => close(index)}>
                <X />
              </IconButton>
            </span>
          ))}
        </div>
        <IconButton label={small ? t('dock.show') : t('dock.hide')} look="small" onClick={() => setSmall(!small)}>
          {small ? <ChevronUp /> : <ChevronDown />}
        </IconButton>
      </header>
      {dock.tabs.map((tab, index) => (
        <div
          key={tabKey(tab)}
          role="tabpanel"
          id={`dock-panel-${index}`}
          aria-labelledby={`dock-tab-${index}`}
          className="dock-panel"
          hidden={tab !== active || small}
        >
          <PanelKeeper value={{ text: tab.state ?? '', keep: (state) => dock.keep(index, state) }}>
            <Panel tab={tab} cluster={name} onClose={() => close(index)} />
          </PanelKeeper>
        </div>
      ))}
    </section>
  );
}

const tabKey = ({ kind, ref }: DockTab) => [kind, ref.group, ref.resource, ref.namespace, ref.name].join('/');

function Panel({ tab, cluster, onClose }: { tab: DockTab; cluster: string; onClose: () => void }) {
  const { t } = useI18n();
  const target: ObjectRef = { cluster, ...tab.ref };
  return (
    <Guard>
      <Suspense fallback={<Empty title={t('loading')} />}>
        <DockPanel kind={tab.kind} target={target} onClose={onClose} />
      </Suspense>
    </Guard>
  );
}
