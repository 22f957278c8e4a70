/** Places the nodes of the map, off the page's thread. */
import dagre from '@dagrejs/dagre';
import { groups, pack } from './pack';

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

/** Between groups of nodes that nothing joins. */
const GAP = 34;

self.addEventListener('message', ({ data }: MessageEvent<LayoutRequest>) => {
  const laid = groups(data.nodes, data.edges).map((nodes) => lay(nodes, data));
  const corners = pack(laid, GAP);
  const places: LayoutAnswer['places'] = {};
  laid.forEach(({ graph }, index) => {
    const corner = corners[index] ?? { x: 0, y: 0 };
    for (const id of graph.nodes()) {
      const { x, y } = graph.node(id) as { x: number; y: number };
      places[id] = { x: corner.x + x - data.width / 2, y: corner.y + y - data.height / 2 };
    }
  });
  self.postMessage({ round: data.round, places } satisfies LayoutAnswer);
});

function lay(nodes: string[], { width, height, edges }: LayoutRequest) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 70 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of nodes) graph.setNode(id, { width, height });
  for (const { from, to } of edges) if (graph.hasNode(from) && graph.hasNode(to)) graph.setEdge(from, to);
  dagre.layout(graph);
  const all = graph.graph() as { width?: number; height?: number };
  return { graph, width: all.width ?? width, height: all.height ?? height };
}
