import { Button, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { type Graph, type MapNode, neighbours } from './graph';

/** The map as a table: each object with what leads to it and what it leads to. */
export function MapList({ graph, onOpen }: { graph: Graph; onOpen: (node: MapNode) => void }) {
  const { t } = useI18n();
  const names = (nodes: MapNode[]) =>
    nodes.map((node) => (
      <div key={node.id}>
        {node.kind} {node.ready === undefined ? node.name : `${node.ready[0]}/${node.ready[1]}`}
      </div>
    ));
  return (
    <table className="plain">
      <thead>
        <tr>
          <th scope="col">{t('panel.map.health')}</th>
          <th scope="col">{t('panel.map.kind')}</th>
          <th scope="col">{t('name')}</th>
          <th scope="col">{t('namespace')}</th>
          <th scope="col">{t('panel.map.before')}</th>
          <th scope="col">{t('panel.map.after')}</th>
        </tr>
      </thead>
      <tbody>
        {graph.nodes.map((node) => {
          const { before, after } = neighbours(graph, node.id);
          return (
            <tr key={node.id}>
              <td>
                <HealthMark health={node.health}>{t(`health.${node.health}`)}</HealthMark>
              </td>
              <td>{node.kind}</td>
              <th scope="row">
                {node.ref === null ? (
                  `${node.ready?.[0]}/${node.ready?.[1]}`
                ) : (
                  <Button look="small quiet" onClick={() => onOpen(node)}>
                    {node.name}
                  </Button>
                )}
              </th>
              <td>{node.namespace}</td>
              <td>{names(before)}</td>
              <td>{names(after)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
