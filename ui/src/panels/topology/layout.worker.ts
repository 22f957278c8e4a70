/** Places the nodes of the map, off the page's thread. */
import dagre from '@dagrejs/dagre';

export interface LayoutRequest {
  round: number;
  width: number;
  height: number;
  nodes: string[];
  edges: { from: string; to: string }[];
}

export interface LayoutAnswer {
  round: number;
  places: Record<string, { x: number; y: number }>;
}

self.addEventListener('message', ({ data }: MessageEvent<LayoutRequest>) => {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 70, marginx: 20, marginy: 20 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of data.nodes) graph.setNode(id, { width: data.width, height: data.height });
  for (const { from, to } of data.edges) graph.setEdge(from, to);
  dagre.layout(graph);
  const places: LayoutAnswer['places'] = {};
  for (const id of data.nodes) {
    const { x, y } = graph.node(id) as { x: number; y: number };
    places[id] = { x: x - data.width / 2, y: y - data.height / 2 };
  }
  self.postMessage({ round: data.round, places } satisfies LayoutAnswer);
});
