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

/** Where boxes go that fill one column after the other, their order kept. */
export function pack(boxes: Box[], gap: number): { x: number; y: number }[] {
  const area = boxes.reduce((sum, { width, height }) => sum + (width + gap) * (height + gap), 0);
  const most = Math.max(Math.sqrt(area / RATIO), ...boxes.map(({ height }) => height));
  let [x, y, wide] = [0, 0, 0];
  return boxes.map(({ width, height }) => {
    if (y > 0 && y + height > most) [x, y, wide] = [x + wide + gap, 0, 0];
    const place = { x, y };
    y += height + gap;
    wide = Math.max(wide, width);
    return place;
  });
}
