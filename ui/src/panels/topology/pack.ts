/** The parts of a map that nothing joins, side by side: a cluster of many namespaces is no tower. Pure. */

interface Edge {
  from: string;
  to: string;
}

/** The nodes in groups that edges join, in the order of their first ones. */
export function groups(nodes: string[], edges: Edge[]): string[][] {
  const near = new Map<string, string[]>(nodes.map((id) => [id, []]));
  for (const { from, to } of edges) {
    if (!near.has(from) || !near.has(to)) continue;
    near.get(from)?.push(to);
    near.get(to)?.push(from);
  }
  const seen = new Set<string>();
  return nodes.flatMap((start) => {
    if (seen.has(start)) return [];
    seen.add(start);
    const group = [start];
    for (const id of group)
      for (const next of near.get(id) ?? [])
        if (!seen.has(next)) {
          seen.add(next);
          group.push(next);
        }
    return [group];
  });
}

export interface Box {
  width: number;
  height: number;
}

/** How much wider than high the whole becomes, about as a window is. */
const RATIO = 1.6;
/** So many heights are tried. */
const TRIES = 60;

type Place = { x: number; y: number };

/** Where boxes go that fill one column after the other, their order kept, so that all of them are seen as large as can be. */
export function pack(boxes: Box[], gap: number): Place[] {
  const tallest = Math.max(1, ...boxes.map(({ height }) => height));
  const sum = boxes.reduce((all, { height }) => all + height + gap, tallest);
  // From a single row to a single column, each so much higher than the one before.
  const heights = Array.from({ length: TRIES + 1 }, (_, step) => tallest * (sum / tallest) ** (step / TRIES));
  const tries = heights.map((most) => inColumns(boxes, gap, most));
  return tries.reduce((best, one) => (one.extent < best.extent ? one : best)).places;
}

/** Columns of at most a height, and how high a window would have to be to show all of them. */
function inColumns(boxes: Box[], gap: number, most: number): { places: Place[]; extent: number } {
  let [x, y, wide, high] = [0, 0, 0, 0];
  const places = boxes.map(({ width, height }) => {
    if (y > 0 && y + height > most) [x, y, wide] = [x + wide + gap, 0, 0];
    const place = { x, y };
    y += height + gap;
    wide = Math.max(wide, width);
    high = Math.max(high, y - gap);
    return place;
  });
  return { places, extent: Math.max(high, (x + wide) / RATIO) };
}
