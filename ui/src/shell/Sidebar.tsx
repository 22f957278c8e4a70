import {
  Box,
  Cable,
  ChartSpline,
  Cog,
  Database,
  FileStack,
  FolderSync,
  HeartPulse,
  History,
  KeyRound,
  LoaderCircle,
  type LucideIcon,
  Network,
  Puzzle,
  Server,
  Waypoints,
} from 'lucide-react';
import { Link, useLocation } from 'wouter';
import type { Count } from '../api/contract';
import { useI18n } from '../i18n';
import { plural, type Resource } from '../kinds/discovery';
import { longName, type Section, type SectionId } from '../kinds/sections';
import { useCluster } from './cluster';
import { listHref, type PageId, useLinks } from './paths';

const ICONS: Record<SectionId, LucideIcon> = {
  workloads: Box,
  network: Network,
  config: Cog,
  storage: Database,
  access: KeyRound,
  cluster: Server,
  custom: Puzzle,
};

const TOP: [PageId | undefined, LucideIcon, 'overview' | `page.${PageId}`][] = [
  [undefined, HeartPulse, 'overview'],
  ['map', Waypoints, 'page.map'],
  ['events', History, 'page.events'],
  ['metrics', ChartSpline, 'page.metrics'],
  ['forwards', Cable, 'page.forwards'],
  ['sync', FolderSync, 'page.sync'],
  ['images', FileStack, 'page.images'],
];

/** The navigation: the cluster's pages, then every kind it serves with its live count. */
export function Sidebar({ onNavigate }: { onNavigate?: () => void }) {
  const { t } = useI18n();
  const { cluster, sections } = useCluster();
  const links = useLinks();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: only notices that a link inside was followed.
    <nav id="navigation" className="side" aria-label={t('navigation')} onClick={onNavigate}>
      <ul>
        {TOP.map(([id, Icon, key]) => (
          <li key={key}>
            <SideLink href={links.page(id)}>
              <Icon aria-hidden />
              <span className="grow">{t(key)}</span>
            </SideLink>
          </li>
        ))}
      </ul>
      {sections.map((section) => (
        <SideSection key={section.id} section={section} />
      ))}
      {sections.length === 0 && cluster?.state === 'running' && (
        <LoaderCircle className="spin faint" aria-label={t('loading')} />
      )}
    </nav>
  );
}

/** How many kinds of a section are shown before the rest folds away. */
const SHOWN = 6;

function SideSection({ section: { id, resources } }: { section: Section }) {
  const { t } = useI18n();
  const { counts } = useCluster();
  const { cluster } = useLinks();
  const [location] = useLocation();
  const Icon = ICONS[id];
  const used = (resource: Resource, index: number) =>
    index < SHOWN || location.startsWith(listHref(cluster, resource)) || id === 'custom';
  const shown = resources.filter(used);
  const folded = resources.filter((resource, index) => !used(resource, index));
  const heading = `side-${id}`;
  return (
    <section aria-labelledby={heading}>
      <h2 id={heading}>
        <Icon aria-hidden />
        {t(`section.${id}`)}
      </h2>
      <ul>
        {shown.map((resource) => (
          <KindLink key={longName(resource)} resource={resource} count={counts.get(longName(resource))} />
        ))}
      </ul>
      {folded.length > 0 && (
        <details>
          <summary>{t('more')}</summary>
          <ul>
            {folded.map((resource) => (
              <KindLink key={longName(resource)} resource={resource} count={counts.get(longName(resource))} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function KindLink({ resource, count }: { resource: Resource; count: Count | undefined }) {
  const { number, tn } = useI18n();
  const links = useLinks();
  return (
    <li>
      <SideLink href={links.list(resource)}>
        <span className="grow cut" title={longName(resource)}>
          {plural(resource)}
          {resource.custom && <span className="faint small"> {resource.group}</span>}
        </span>
        {count && count.bad > 0 && (
          <span className="count bad" title={tn('count.bad', count.bad)}>
            <span aria-hidden>◆</span>
            <span className="hidden-text">{tn('count.bad', count.bad)}</span>
          </span>
        )}
        {count && count.total > 0 && <span className="count">{number(count.total)}</span>}
      </SideLink>
    </li>
  );
}

function SideLink({ href, children }: { href: string; children: React.ReactNode }) {
  const [location] = useLocation();
  const path = href.split('?')[0] ?? href;
  const overview = path.split('/').length === 3;
  const active = location === path || (!overview && location.startsWith(`${path}/`));
  return (
    <Link href={href} aria-current={active ? 'page' : undefined}>
      {children}
    </Link>
  );
}
