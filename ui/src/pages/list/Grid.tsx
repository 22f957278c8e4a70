import { type Rect, useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import {
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type RefObject,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { Column, ObjectRef, Row } from '../../api/contract';
import { MenuAt } from '../../components/Menu';
import { useI18n } from '../../i18n';
import { type ActionId, actionsFor, actionsForRow } from '../../kinds/actions';
import type { Resource } from '../../kinds/discovery';
import { useLinks, useParam } from '../../shell/paths';
import { useListState } from '../../store/hooks';
import type { ListView } from '../../store/list';
import { useSettings } from '../../store/settings';
import type { Usage } from '../../store/usage';
import { grown, leastWidth, nextSort, type Options, type Shown, shownColumns, tracks } from './columns';
import { GridRow } from './GridRow';
import { windowOffset } from './window';

interface Props {
  resource: Resource;
  view: ListView;
  offset: number;
  onOffset: (offset: number) => void;
  selected: ReadonlyMap<string, ObjectRef>;
  /** Is told which row keys are about. */
  focused: RefObject<Row | undefined>;
  /** What the objects use, of kinds of which that is known. */
  usage: Usage | null;
  toggle: (rows: Row[], on: boolean) => void;
  /** Selects nothing, in sight or not. */
  clear: () => void;
  /** Does it to the row, or to all that is selected when the row is. */
  run: (id: ActionId, row: Row, many: boolean) => void;
  /** Selects all that the filter lets through. */
  all: () => void;
  open: (row: Row) => void;
  href: (row: Row) => string;
  create: (() => void) | undefined;
}

/** In rem: `--row` of the design. */
const ROW_REM = 2.286;
/** The same where the words on what is wrong have lines of their own. */
const TALL_REM = 4;
const PAGE = 20;

/** The rows in sight, of any number. The grid has the focus and names the active row; rows draw one by one. */
export function Grid(props: Props) {
  const { resource, view, offset, onOffset, selected, toggle, run, open } = props;
  const { t } = useI18n();
  const { namespaces } = useLinks();
  const [wide] = useParam('wide');
  const state = useListState(view);
  const { order, matched } = state.data;
  const zoom = useSettings((settings) => settings.zoom);
  const scroller = useRef<HTMLDivElement>(null);
  const [active, activate] = useActive(order, state.data.offset, state.loaded);
  const [anchor, setAnchor] = useState(0);
  const [menu, setMenu] = useState<{ x: number; y: number; row: Row } | null>(null);

  const room = useRoom(scroller, zoom);
  const columns = useColumns(view, {
    wide: wide === '1',
    namespace: resource.namespaced && namespaces.length !== 1,
    usage: props.usage !== null,
    room,
  });
  const tall = columns.some(({ below }) => below);
  const rowRem = tall ? TALL_REM : ROW_REM;
  const rowHeight = rowRem * 14 * (zoom / 100);
  const virtualizer = useVirtualizer({
    count: matched,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 4,
    // Rendering in a task of its own keeps the scroll event short.
    useFlushSync: false,
    observeElementRect: observeSize,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another zoom makes all rows another height.
  useEffect(() => virtualizer.measure(), [rowHeight]);
  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    const next = windowOffset(offset, first, last);
    if (next !== offset) onOffset(next);
  }, [offset, first, last, onOffset]);

  // Rows that scroll out are used again for those that scroll in: their elements stay where they are in the document.
  const slots = useRef(0);
  slots.current = Math.max(slots.current, items.length);
  const drawn = items.map((item) => ({ ...item, slot: item.index % slots.current }));
  drawn.sort((a, b) => a.slot - b.slot);

  const rowAt = (index: number): Row | undefined => view.row(order[index - state.data.offset] ?? '');
  const focused = rowAt(active);
  useEffect(() => {
    props.focused.current = focused;
  }, [props.focused, focused]);
  const template = tracks(columns);
  const minWidth = leastWidth(columns);

  const move = (to: number, extend: boolean) => {
    const next = Math.max(0, Math.min(matched - 1, to));
    activate(next);
    virtualizer.scrollToIndex(next);
    if (!extend) return setAnchor(next);
    const [low, high] = [Math.min(anchor, next), Math.max(anchor, next)];
    toggle(rowsBetween(low, high), true);
  };
  const rowsBetween = (low: number, high: number): Row[] => {
    const rows: Row[] = [];
    for (let index = low; index <= high; index++) {
      const row = rowAt(index);
      if (row) rows.push(row);
    }
    return rows;
  };

  const keys = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLElement && event.target !== scroller.current && [' ', 'Enter'].includes(event.key))
      return;
    const moves: Record<string, number> = {
      ArrowDown: active + 1,
      j: active + 1,
      ArrowUp: active - 1,
      k: active - 1,
      PageDown: active + PAGE,
      PageUp: active - PAGE,
      Home: 0,
      End: matched - 1,
    };
    const to = moves[event.key];
    const row = rowAt(active);
    if (to !== undefined && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      move(to, event.shiftKey);
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      props.all();
    } else if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    } else if (event.key === 'n' && props.create) {
      event.preventDefault();
      props.create();
    } else if (event.key === 'Escape') {
      props.clear();
    } else if (row) {
      rowKey(event, row);
    }
  };
  const rowKey = (event: KeyboardEvent, row: Row) => {
    if (event.key === 'Enter' || event.key === 'd') {
      event.preventDefault();
      open(row);
    } else if (event.key === ' ') {
      event.preventDefault();
      toggle([row], !selected.has(row.uid));
    } else if (event.key === 'ContextMenu' || event.key === '.') {
      event.preventDefault();
      const box = document.getElementById(rowId(active))?.getBoundingClientRect();
      setMenu({ x: (box?.left ?? 0) + 40, y: box?.bottom ?? 0, row });
    } else {
      const action = actionsFor(resource).find(({ key }) => key === event.key);
      if (!action) return;
      event.preventDefault();
      run(action.id, row, action.many === true);
    }
  };

  /** The row that a mouse event is about: rows have no listeners of their own. */
  const hit = (event: MouseEvent): [number, Row | undefined] => {
    const index = Number((event.target as Element).closest('[data-index]')?.getAttribute('data-index') ?? -1);
    return [index, rowAt(index)];
  };
  /** What is done to several is offered whatever one of them says. */
  const offered = (row: Row) =>
    selected.has(row.uid) && selected.size > 1
      ? actionsFor(resource)
      : actionsForRow(resource, state.data.columns, row);
  const openMenu = (event: MouseEvent) => {
    const [index, row] = hit(event);
    if (!row) return;
    event.preventDefault();
    activate(index);
    setMenu({ x: event.clientX, y: event.clientY, row });
  };
  const click = (event: MouseEvent) => {
    const target = event.target as Element;
    const [index, row] = hit(event);
    if (!row) return;
    if (target.closest('a')) {
      // With a key held the browser opens the link its own way.
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      return open(row);
    }
    if (target.closest('[data-actions]')) return openMenu(event);
    activate(index);
    if (event.shiftKey) return toggle(rowsBetween(Math.min(anchor, index), Math.max(anchor, index)), true);
    setAnchor(index);
    toggle([row], !selected.has(row.uid));
  };

  return (
    <>
      <div
        ref={scroller}
        className="grid"
        role="grid"
        aria-label={t('list.of', { kind: resource.kind })}
        aria-rowcount={matched + 1}
        aria-colcount={columns.length + 2}
        aria-multiselectable="true"
        style={{ '--tracks': template } as CSSProperties}
        aria-busy={!state.loaded}
        aria-activedescendant={rowAt(active) ? rowId(active) : undefined}
        tabIndex={0}
        data-stale={state.since > 0}
        onKeyDown={keys}
        onClick={click}
        onContextMenu={openMenu}
        onPointerOver={tellCut}
      >
        <Head columns={columns} minWidth={minWidth} />
        {/* The document's order is that of the slots, so the rows' own is told. */}
        <div
          className="grid-body"
          role="rowgroup"
          aria-owns={items.map(({ index }) => rowId(index)).join(' ')}
          style={{ '--row': `${rowRem}rem`, height: virtualizer.getTotalSize(), minWidth } as CSSProperties}
        >
          {drawn.map(({ index, start, slot }) => {
            const uid = order[index - state.data.offset];
            return (
              <GridRow
                key={slot}
                id={rowId(index)}
                view={view}
                uid={uid ?? ''}
                index={index}
                top={start}
                columns={columns}
                active={index === active}
                usage={props.usage}
                selected={uid !== undefined && selected.has(uid)}
                href={props.href}
              />
            );
          })}
        </div>
      </div>
      {menu && (
        <MenuAt
          x={menu.x}
          y={menu.y}
          onClose={() => setMenu(null)}
          entries={offered(menu.row).map(({ id, icon: Icon, key, danger, many }) => ({
            id,
            label: t(`action.${id}`),
            icon: <Icon />,
            hint: key,
            danger,
            run: () => run(id, menu.row, many === true),
          }))}
        />
      )}
    </>
  );
}

/** Tells a virtualizer its room once the browser has laid it out: to ask at once would lay out the page within a task. */
function observeSize({ scrollElement }: Virtualizer<HTMLDivElement, Element>, tell: (rect: Rect) => void) {
  if (scrollElement === null) return;
  const observer = new ResizeObserver(([entry]) => {
    const box = entry?.borderBoxSize[0];
    if (box) tell({ width: Math.round(box.inlineSize), height: Math.round(box.blockSize) });
  });
  observer.observe(scrollElement, { box: 'border-box' });
  return () => observer.disconnect();
}

/** The room there is, in steps of so many rem: not every width is worth another drawing. */
const STEP = 5;

function useRoom(ref: RefObject<HTMLElement | null>, zoom: number): number {
  const [room, setRoom] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const follow = new ResizeObserver(() => {
      const rem = (element.clientWidth / 14 / zoom) * 100;
      setRoom(Math.floor(rem / STEP) * STEP);
    });
    follow.observe(element);
    return () => follow.disconnect();
  }, [ref, zoom]);
  return room;
}

/**
 * Which row is active: it stays with its object when others come and go above it, so that no key meets another one. Until
 * all rows are there the first one is, unless somebody chose.
 */
function useActive(order: string[], offset: number, loaded: boolean): [number, (index: number) => void] {
  const [active, setActive] = useState(0);
  const uid = useRef<string>(undefined);
  const at = uid.current === undefined ? -1 : order.indexOf(uid.current);
  const now = at < 0 ? active : at + offset;
  useEffect(() => {
    if (loaded || uid.current !== undefined) uid.current = order[now - offset];
    setActive(now);
  }, [order, offset, now, loaded]);
  const activate = (index: number) => {
    uid.current = order[index - offset];
    setActive(index);
  };
  return [now, activate];
}

/** What does not fit into its cell is told in full where the mouse stands. */
function tellCut({ target }: PointerEvent) {
  const cell = (target as Element).closest<HTMLElement>('.grid-row > .cut');
  if (cell) cell.title = cell.scrollWidth > cell.clientWidth ? (cell.textContent ?? '') : '';
}

const rowId = (index: number) => `row-${index}`;

function Head({ columns, minWidth }: { columns: Shown[]; minWidth: string }) {
  const { t } = useI18n();
  const [sort, setSort] = useParam('sort');
  const [by, direction] = sort.split(':');
  const ariaSort = (name: string) => (by !== name ? 'none' : direction === 'desc' ? 'descending' : 'ascending');
  return (
    <div role="rowgroup" className="grid-head" style={{ minWidth }}>
      <div role="row" aria-rowindex={1}>
        <span role="columnheader">
          <span className="hidden-text">{t('selection')}</span>
        </span>
        {columns.map(({ name, kind, numeric, description, below }) => (
          <span
            key={`${kind}${name}`}
            role="columnheader"
            aria-sort={kind === 'why' ? undefined : ariaSort(name)}
            className={below ? 'hidden-text' : numeric ? 'numeric' : undefined}
          >
            {kind === 'why' ? (
              t('why')
            ) : (
              <button
                type="button"
                title={description || undefined}
                onClick={() => setSort(nextSort(sort, name, kind))}
              >
                {name}
                {by === name && (direction === 'desc' ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />)}
              </button>
            )}
          </span>
        ))}
        <span role="columnheader" className="at-edge">
          <span className="hidden-text">{t('actions')}</span>
        </span>
      </div>
    </div>
  );
}

/** Columns keep their widths while rows come and go, and grow with what comes into them. */
function useColumns(view: ListView, { wide, namespace, usage, room }: Options): Shown[] {
  const { data } = useListState(view);
  const kept = useRef<{ of: Column[]; shown: Shown[] }>({ of: [], shown: [] });
  return useMemo(() => {
    const rows = data.order.flatMap((uid) => view.row(uid) ?? []);
    const now = shownColumns(data.columns, rows, { wide, namespace, usage, room });
    kept.current = { of: data.columns, shown: kept.current.of === data.columns ? grown(kept.current.shown, now) : now };
    return kept.current.shown;
  }, [data, wide, namespace, usage, room, view]);
}
