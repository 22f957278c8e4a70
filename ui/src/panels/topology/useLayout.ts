import { useEffect, useRef, useState } from 'react';
import type { Graph } from './graph';
import type { LayoutAnswer, LayoutRequest } from './layout.worker';

/** Of a node, where the page is not zoomed. */
const WIDTH = 260;
const HEIGHT = 52;

export const nodeSize = (zoom: number) => ({ width: (WIDTH * zoom) / 100, height: (HEIGHT * zoom) / 100 });

/** Where the nodes go. Changes of health alone move nothing: only another shape of the graph is laid out anew. */
export function useLayout(graph: Graph, zoom: number): LayoutAnswer['places'] {
  const [places, setPlaces] = useState<LayoutAnswer['places']>({});
  const worker = useRef<Worker | null>(null);
  const round = useRef(0);
  useEffect(() => {
    const started = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
    started.addEventListener('message', ({ data }: MessageEvent<LayoutAnswer>) => {
      if (data.round === round.current) setPlaces(data.places);
    });
    worker.current = started;
    return () => {
      started.terminate();
      worker.current = null;
    };
  }, []);
  const shape = JSON.stringify([graph.nodes.map(({ id }) => id), graph.edges]);
  useEffect(() => {
    const [nodes, edges] = JSON.parse(shape) as [string[], LayoutRequest['edges']];
    round.current++;
    worker.current?.postMessage({
      round: round.current,
      ...nodeSize(zoom),
      nodes,
      edges,
    } satisfies LayoutRequest);
  }, [shape, zoom]);
  return places;
}
