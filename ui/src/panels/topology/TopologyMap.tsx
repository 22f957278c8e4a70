import '@xyflow/react/dist/style.css';
import './topology.css';
import { Background, Controls, Handle, type Node, type NodeProps, Position, ReactFlow } from '@xyflow/react';
import { Box, Boxes, Container, FileText, Globe, HardDrive, KeyRound, Waypoints } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { ObjectRef } from '../../api/contract';
import { Cut } from '../../components/Cut';
import { Button, Empty, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { useObjectLists } from '../../store/objects';
import { usePanelState } from '../../store/panelState';
import { useSettings } from '../../store/settings';
import { Failure, Loading, Panel } from '../parts';
import { graphOf, type MapNode, PARTS, type Parts, type Shape } from './graph';
import { MapList } from './MapList';
import { nodeSize, useLayout } from './useLayout';

const ICONS: Record<Shape, typeof Box> = {
  ingress: Globe,
  service: Waypoints,
  workload: Boxes,
  pods: Container,
  pod: Box,
  config: FileText,
  secret: KeyRound,
  volume: HardDrive,
};

const FIT = { maxZoom: 1 };
/** Where a whole map is too small to be read. */
const PHONE = '(width <= 40rem)';

interface Props {
  cluster: string;
  namespaces: string[];
  onOpen?: (ref: ObjectRef) => void;
}

/** The live map of what runs, what leads to it and what it uses; the same as a list for keyboards and readers. */
export default function TopologyMap({ cluster, namespaces, onOpen }: Props) {
  const { t, tn } = useI18n();
  const [{ as }, change] = usePanelState({ as: '' });
  const [small] = useState(() => window.matchMedia(PHONE).matches);
  const asList = as === '' ? small : as === 'list';
  const { known, loaded, error, lists } = useParts(cluster, namespaces);
  const graph = useMemo(() => graphOf(cluster, known), [cluster, known]);
  const zoom = useSettings((settings) => settings.zoom);
  const places = useLayout(graph, zoom);
  const several = useMemo(() => new Set(graph.nodes.map(({ namespace }) => namespace)).size > 1, [graph.nodes]);
  const open = (node: MapNode) => node.ref !== null && onOpen?.(node.ref);
  const theme = useSettings((settings) => settings.theme);
  const nodes = useMemo(
    () =>
      graph.nodes.flatMap((node): MapBox[] => {
        const position = places[node.id];
        if (position === undefined) return [];
        return [
          {
            id: node.id,
            type: 'object',
            position,
            data: { node, place: several ? node.namespace : '' },
            ...nodeSize(zoom),
            ariaLabel: [nameOf(node), several && node.namespace].filter(Boolean).join(' '),
          },
        ];
      }),
    [graph.nodes, places, zoom, several],
  );
  const edges = useMemo(
    () => graph.edges.map(({ from, to }) => ({ id: `${from} ${to}`, source: from, target: to, focusable: false })),
    [graph.edges],
  );
  // All of it is in sight until the user looks at a part.
  const fit = useRef(() => {});
  const moved = useRef(false);
  useEffect(() => {
    if (nodes.length === 0 || moved.current) return;
    const frame = requestAnimationFrame(() => fit.current());
    return () => cancelAnimationFrame(frame);
  }, [nodes]);
  if (!loaded) return <Loading />;
  if (graph.nodes.length === 0) return error ? <Failure error={error} /> : <Empty title={t('panel.map.none')} />;
  return (
    <Panel
      label={t('page.map')}
      bar={
        <>
          <Button look="small" aria-pressed={asList} onClick={() => change({ as: asList ? 'map' : 'list' })}>
            {t(asList ? 'panel.map.asMap' : 'panel.map.asList')}
          </Button>
          <span className="soft small">{tn('objects', graph.nodes.length)}</span>
          {graph.hidden > 0 && <span className="chip">{t('panel.map.hidden', { count: graph.hidden })}</span>}
        </>
      }
      // What may not be seen, or not now, takes nothing from the rest.
      notes={
        <>
          <Failure error={error} />
          {lists.map(({ loaded, objects, total }, index) => {
            const kind = PARTS[index]?.resource ?? '';
            return loaded && <Cut key={kind} kind={kind} objects={objects} total={total} />;
          })}
        </>
      }
    >
      {asList ? (
        <MapList graph={graph} onOpen={open} />
      ) : (
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={TYPES}
          colorMode={theme === 'system' ? 'system' : theme}
          nodesDraggable={false}
          nodesConnectable={false}
          edgesFocusable={false}
          minZoom={0.1}
          onlyRenderVisibleElements
          fitView
          fitViewOptions={FIT}
          onInit={(instance) => {
            fit.current = () => void instance.fitView(FIT);
          }}
          onMoveStart={(event) => {
            if (event !== null) moved.current = true;
          }}
          key={Object.keys(places).length > 0 ? 'placed' : 'empty'}
          onNodeClick={(_event, { data }) => open(data.node)}
          onKeyDown={(event) => {
            const id = (event.target as HTMLElement).dataset.id;
            const node = graph.nodes.find((one) => one.id === id);
            if (event.key === 'Enter' && node !== undefined) open(node);
          }}
        >
          <Background />
          <Controls showInteractive={false} />
        </ReactFlow>
      )}
    </Panel>
  );
}

function nameOf({ kind, name, ready }: MapNode): string {
  return ready === undefined ? `${kind} ${name}` : `${kind} ${ready[0]}/${ready[1]}`;
}

/** `place` is the namespace where there are several. */
type MapBox = Node<{ node: MapNode; place: string }>;

function ObjectNode({ data: { node, place } }: NodeProps<MapBox>) {
  const Icon = ICONS[node.shape];
  return (
    <div className={`map-node ${node.health}`}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <Icon aria-hidden="true" />
      <span className="map-text">
        <span className="soft small cut">
          {node.kind}
          {place && ` · ${place}`}
        </span>
        <span className="cut">{node.ready === undefined ? node.name : `${node.ready[0]}/${node.ready[1]}`}</span>
      </span>
      <HealthMark health={node.health} />
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

const TYPES = { object: ObjectNode };

function useParts(cluster: string, namespaces: string[]) {
  const lists = useObjectLists(
    PARTS.map(({ group, version, resource }) => ({ cluster, group, version, resource, namespaces })),
  );
  const known = useMemo(
    () => ({
      parts: Object.fromEntries(
        PARTS.map(({ resource }, index) => [resource, lists[index]?.objects ?? []]),
      ) as unknown as Parts,
      health: new Map(lists.flatMap(({ health }) => [...health])),
      whole: lists.every(({ objects, total }) => objects.length >= total),
    }),
    [lists],
  );
  const error = lists.find(({ error }) => error)?.error ?? null;
  return { known, lists, loaded: lists.every(({ loaded, error }) => loaded || error), error };
}
