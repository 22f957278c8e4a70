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
import { memo, useEffect, useRef } from 'react';
import { Link, useLocation } from 'wouter';
import { useI18n } from '../i18n';
import { isAsleep } from '../kinds/clusters';
import { plural, type Resource } from '../kinds/discovery';
import { longName, type Section, type SectionId } from '../kinds/sections';
import { useCluster, useKindCounts } from './cluster';
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
  const [location] = useLocation();
  const nav = useRef<HTMLElement>(null);
  // What is shown is in sight in the list too, however one came there and as soon as its entry has come.
  // biome-ignore lint/correctness/useExhaustiveDependencies: these move the active entry.
  useEffect(() => {
    // With the next frame, which lays out the page anyway.
    const frame = requestAnimationFrame(() => {
      nav.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest' });
    });
    return () => cancelAnimationFrame(frame);
  }, [location, sections]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: only notices that a link inside was followed.
    <nav ref={nav} id="navigation" className="side" aria-label={t('navigation')} onClick={onNavigate}>
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
      {sections.length === 0 && cluster && !isAsleep(cluster) && (
        <LoaderCircle className="spin faint" aria-label={t('loading')} />
      )}
    </nav>
  );
}

/** How many kinds of a section are shown before the rest folds away. */
const SHOWN = 6;

function SideSection({ section: { id, resources } }: { section: Section }) {
  const { t } = useI18n();
  const counts = useKindCounts();
  const links = useLinks();
  const [location] = useLocation();
  const Icon = ICONS[id];
  const used = (resource: Resource, index: number) =>
    index < SHOWN || location.startsWith(listHref(links.cluster, resource)) || id === 'custom';
  const shown = resources.filter(used);
  const folded = resources.filter((resource, index) => !used(resource, index));
  const heading = `side-${id}`;
  const link = (resource: Resource) => {
    const name = longName(resource);
    const { total = 0, bad = 0 } = counts.get(name) ?? {};
    return <KindLink key={name} resource={resource} href={links.list(resource)} total={total} bad={bad} />;
  };
  return (
    <section aria-labelledby={heading}>
      <h2 id={heading}>
        <Icon aria-hidden />
        {t(`section.${id}`)}
      </h2>
      <ul>{shown.map(link)}</ul>
      {folded.length > 0 && (
        <details>
          <summary>{t('more')}</summary>
          <ul>{folded.map(link)}</ul>
        </details>
      )}
    </section>
  );
}

interface KindProps {
  resource: Resource;
  href: string;
  total: number;
  bad: number;
}

/** Drawn anew only when its own count has changed: there are dozens. */
const KindLink = memo(function KindLink({ resource, href, total, bad }: KindProps) {
  const { number, tn } = useI18n();
  return (
    <li>
      <SideLink href={href}>
        <span className="grow cut" title={longName(resource)}>
          {plural(resource)}
          {resource.custom && <span className="faint small"> {resource.group}</span>}
        </span>
        {bad > 0 && (
          <span className="count bad" title={tn('count.bad', bad)}>
            <span aria-hidden>◆</span>
            <span className="hidden-text">{tn('count.bad', bad)}</span>
          </span>
        )}
        {total > 0 && <span className="count">{number(total)}</span>}
      </SideLink>
    </li>
  );
});

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
