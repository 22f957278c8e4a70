import { type Rect, useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import type { Column } from '../../api/contract';
import { useListState } from '../../store/hooks';
import type { ListView } from '../../store/list';
import { grown, type Options, type Shown, shownColumns, withRoom } from './columns';
import { windowOffset } from './window';

interface SlotOptions {
  /** How many rows there are in all. */
  count: number;
  /** In pixels. */
  rowHeight: number;
  /** Where the window of rows that are here begins, and what moves it to those in sight. */
  offset: number;
  onOffset: (offset: number) => void;
}

/**
 * The rows in sight, each in a slot. Rows that scroll out are used again for those that scroll in: their elements stay
 * where they are in the document.
 */
export function useSlots(scroller: RefObject<HTMLDivElement | null>, options: SlotOptions) {
  const { count, rowHeight, offset, onOffset } = options;
  const virtualizer = useVirtualizer({
    count,
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
  const slots = useRef(0);
  slots.current = Math.max(slots.current, items.length);
  const drawn = items.map((item) => ({ ...item, slot: item.index % slots.current }));
  drawn.sort((a, b) => a.slot - b.slot);
  return { virtualizer, items, drawn };
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

export function useRoom(ref: RefObject<HTMLElement | null>, zoom: number): number {
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
 * The place of a row: it stays with its object when others come and go above it, so that no key meets another one. Until
 * all rows are there it is the first one's, unless somebody chose.
 */
export function usePlace(order: string[], offset: number, loaded: boolean): [number, (index: number) => void] {
  const [place, setPlace] = useState(0);
  const uid = useRef<string>(undefined);
  const at = uid.current === undefined ? -1 : order.indexOf(uid.current);
  const now = at < 0 ? place : at + offset;
  useEffect(() => {
    if (loaded || uid.current !== undefined) uid.current = order[now - offset];
    setPlace(now);
  }, [order, offset, now, loaded]);
  const put = (index: number) => {
    uid.current = order[index - offset];
    setPlace(index);
  };
  return [now, put];
}

/** Columns keep their widths while rows come and go, and grow with what comes into them. */
export function useColumns(view: ListView, { wide, namespace, usage, room }: Options): Shown[] {
  const { data } = useListState(view);
  const kept = useRef<{ of: Column[]; shown: Shown[] }>({ of: [], shown: [] });
  return useMemo(() => {
    const rows = data.order.flatMap((uid) => view.row(uid) ?? []);
    const now = shownColumns(data.columns, rows, { wide, namespace, usage, room });
    kept.current = { of: data.columns, shown: kept.current.of === data.columns ? grown(kept.current.shown, now) : now };
    return withRoom(kept.current.shown, room);
  }, [data, wide, namespace, usage, room, view]);
}
