import { useEffect, useRef, useState } from 'react';
import type { Graph } from './graph';
import type { LayoutAnswer, LayoutRequest } from './layout.worker';

export const WIDTH = 260;
export const HEIGHT = 52;

/** Where the nodes go. Changes of health alone move nothing: only another shape of the graph is laid out anew. */
export function useLayout(graph: Graph): LayoutAnswer['places'] {
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
      width: WIDTH,
      height: HEIGHT,
      nodes,
      edges,
    } satisfies LayoutRequest);
  }, [shape]);
  return places;
}
