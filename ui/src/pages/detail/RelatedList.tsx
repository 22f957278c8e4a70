import { Link } from 'wouter';
import type { Gvr, ListSpec, Row } from '../../api/contract';
import { Age } from '../../components/Age';
import { CellText } from '../../components/CellText';
import { Card, Failure, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { NODES, PODS } from '../../kinds/gvrs';
import { type LabelSelector, selectorText } from '../../kinds/selectors';
import { useCluster } from '../../shell/cluster';
import { useLinks } from '../../shell/paths';
import { useList, useListState, useRow } from '../../store/hooks';
import type { ListView } from '../../store/list';
import { listSpec } from '../../store/specs';

interface Props {
  title: string;
  gvr: Gvr;
  spec: Partial<ListSpec>;
  /** Names of the columns to show beside name and age. */
  columns: string[];
}

const LIMIT = 50;

export const POD_COLUMNS = ['Ready', 'Status', 'Restarts', 'Node'];

/** The pods that a policy or a budget is about. Without a selector it is about none, with an empty one about all. */
export function Selected({ selector, namespace }: { selector: LabelSelector | undefined; namespace: string }) {
  const { t } = useI18n();
  if (!selector) return null;
  const labelSelector = selectorText(selector);
  const title = t('policy.applies', { pods: labelSelector || t('policy.allPods') });
  return (
    <RelatedList title={title} gvr={PODS} spec={{ namespaces: [namespace], labelSelector }} columns={POD_COLUMNS} />
  );
}

/** A short live list of what belongs to an object. */
export function RelatedList({ title, gvr, spec, columns }: Props) {
  const { t, tn } = useI18n();
  const { name } = useCluster();
  const view = useList(listSpec(name, gvr, { limit: LIMIT, ...spec }));
  const { data, loaded, error } = useListState(view);
  const shown = columns.map((column) => data.columns.findIndex((other) => other.name === column));
  return (
    <Card title={loaded ? `${title} (${data.matched})` : title}>
      <Failure error={loaded ? null : error} />
      {loaded && data.order.length === 0 ? (
        <p className="body soft">{t('related.none')}</p>
      ) : (
        <table className="plain related" aria-busy={!loaded && !error}>
          <thead>
            <tr>
              <th scope="col">{t('name')}</th>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
              <th scope="col">{t('age')}</th>
            </tr>
          </thead>
          <tbody>
            {data.order.map((uid) => (
              <RelatedRow key={uid} uid={uid} view={view} gvr={gvr} columns={columns} cells={shown} />
            ))}
          </tbody>
        </table>
      )}
      {data.matched > LIMIT && <p className="body soft">{tn('others', data.matched - LIMIT)}</p>}
    </Card>
  );
}

/** What stands in a column; the node of a pod leads to it. */
function RelatedCell({ row, column, cell }: { row: Row; column: string; cell: number }) {
  const links = useLinks();
  const node = column === 'Node' && row.cells[cell];
  if (typeof node !== 'string' || node === '<none>') return <CellText row={row} column={column} cell={cell} />;
  return <Link href={links.object({ ...NODES, namespace: '', name: node })}>{node}</Link>;
}

interface RowProps {
  uid: string;
  view: ListView;
  gvr: Gvr;
  columns: string[];
  cells: number[];
}

function RelatedRow({ uid, view, gvr, columns, cells }: RowProps) {
  const { say } = useI18n();
  const links = useLinks();
  const row = useRow(view, uid);
  if (!row) return null;
  const { group, version, resource } = gvr;
  return (
    <>
      <tr>
        <td>
          <HealthMark health={row.health} />{' '}
          <Link href={links.object({ group, version, resource, namespace: row.namespace, name: row.name })}>
            {row.name}
          </Link>
        </td>
        {cells.map((cell, index) => (
          <td key={cell}>
            <RelatedCell row={row} column={columns[index] ?? ''} cell={cell} />
          </td>
        ))}
        <td>
          <Age since={row.created} />
        </td>
      </tr>
      {row.why && (
        <tr className="continued">
          <td colSpan={cells.length + 2} className="wrap small">
            <span className={row.health}>{say(row.why)}</span>
          </td>
        </tr>
      )}
    </>
  );
}
