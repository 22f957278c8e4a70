import {
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type RefObject,
  useEffect,
  useRef,
  useState,
} from 'react';
import type { ObjectRef, Row } from '../../api/contract';
import { MenuAt } from '../../components/Menu';
import { useI18n } from '../../i18n';
import { type ActionId, actionsFor, actionsForRow } from '../../kinds/actions';
import type { Resource } from '../../kinds/discovery';
import { actionEntries } from '../../shell/actionEntries';
import { useLinks, useParam } from '../../shell/paths';
import { useListState } from '../../store/hooks';
import type { ListView } from '../../store/list';
import { useSettings } from '../../store/settings';
import type { Usage } from '../../store/usage';
import { leastWidth, tracks } from './columns';
import { GridHead } from './GridHead';
import { GridRow } from './GridRow';
import { useColumns, usePlace, useRoom, useSlots } from './hooks';

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
  /** Selects the rows from one place to before another, be they in the window or not. */
  select: (first: number, end: number) => void;
  open: (row: Row) => void;
  href: (row: Row) => string;
  create: (() => void) | undefined;
}

/** In rem: `--row` of the design. */
const ROW_REM = 2.286;
/** The same where the words on what is wrong have lines of their own. */
const TALL_REM = 4.357;
const PAGE = 20;

/** The rows in sight, of any number. The grid has the focus and names the active row; rows draw one by one. */
export function Grid(props: Props) {
  const { resource, view, offset, onOffset, selected, toggle, run, open } = props;
  const i18n = useI18n();
  const { namespaces } = useLinks();
  const [wide] = useParam('wide');
  const state = useListState(view);
  const { order, matched } = state.data;
  const zoom = useSettings((settings) => settings.zoom);
  const scroller = useRef<HTMLDivElement>(null);
  const [active, activate] = usePlace(order, state.data.offset, state.loaded);
  const [anchor, setAnchor] = usePlace(order, state.data.offset, state.loaded);
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
  const { virtualizer, items, drawn } = useSlots(scroller, { count: matched, rowHeight, offset, onOffset });

  const rowAt = (index: number): Row | undefined => view.row(order[index - state.data.offset] ?? '');
  const focused = rowAt(active);
  useEffect(() => {
    props.focused.current = focused;
  }, [props.focused, focused]);
  // Who came here by keys goes on with them.
  useEffect(() => {
    if (document.activeElement?.id === 'page') scroller.current?.focus({ preventScroll: true });
  }, []);
  const template = tracks(columns);
  const minWidth = leastWidth(columns);

  const move = (to: number, extend: boolean) => {
    const next = Math.max(0, Math.min(matched - 1, to));
    activate(next);
    virtualizer.scrollToIndex(next);
    if (extend) selectBetween(active, next);
    else setAnchor(next);
  };
  /** Selects the two rows and those between them: at once where the window has them, else as soon as they have come. */
  const selectBetween = (one: number, other: number) => {
    const [first, last] = [Math.min(one, other), Math.max(one, other)];
    const rows = Array.from({ length: last - first + 1 }, (_, index) => rowAt(first + index) ?? []).flat();
    if (rows.length > last - first) toggle(rows, true);
    else props.select(first, last + 1);
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
      props.select(0, matched);
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
    if (event.shiftKey) return selectBetween(anchor, index);
    setAnchor(index);
    toggle([row], !selected.has(row.uid));
  };

  return (
    <>
      <div
        ref={scroller}
        className="grid"
        role="grid"
        aria-label={i18n.t('list.of', { kind: resource.kind })}
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
        <GridHead columns={columns} minWidth={minWidth} />
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
          entries={actionEntries(offered(menu.row), i18n, ({ id, many }) => run(id, menu.row, many === true))}
        />
      )}
    </>
  );
}

/** What does not fit into its cell is told in full where the mouse stands. */
function tellCut({ target }: PointerEvent) {
  const cell = (target as Element).closest<HTMLElement>('.grid-row > .cut');
  if (cell) cell.title = cell.scrollWidth > cell.clientWidth ? (cell.textContent ?? '') : '';
}

const rowId = (index: number) => `row-${index}`;
