import type { KubeObject } from '../../api/contract';
import { CellText } from '../../components/CellText';
import { Card, Failure, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { EVENTS } from '../../kinds/gvrs';
import { eventSelector } from '../../kinds/read';
import { useCluster } from '../../shell/cluster';
import { useList, useListState, useRow } from '../../store/hooks';
import type { ListView } from '../../store/list';
import { listSpec } from '../../store/specs';
import { text } from '../list/columns';

const SHOWN = 6;

/** What happened to an object lately; the events tab has all of it on a timeline. */
export function RecentEvents({ object }: { object: KubeObject }) {
  const { t } = useI18n();
  const { name } = useCluster();
  const { namespace } = object.metadata;
  const view = useList(
    listSpec(name, EVENTS, {
      namespaces: namespace ? [namespace] : [],
      fieldSelector: eventSelector(object),
      sort: { column: 'Last Seen', descending: false },
      limit: SHOWN,
    }),
  );
  const { data, loaded, error } = useListState(view);
  if (!loaded && !error) return <p className="hidden-text" aria-busy="true" />;
  if (error && !loaded) return <Failure error={error} />;
  if (data.order.length === 0) return null;
  const cells = ['Type', 'Reason', 'Message', 'Last Seen'].map((column) =>
    data.columns.findIndex((other) => other.name === column),
  );
  return (
    <Card title={t('page.events')}>
      <table className="plain events">
        <tbody>
          {data.order.map((id) => (
            <EventRow key={id} uid={id} view={view} cells={cells} />
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function EventRow({ uid, view, cells }: { uid: string; view: ListView; cells: number[] }) {
  const row = useRow(view, uid);
  if (!row) return null;
  const [type, reason, message] = cells.map((cell) => text(row.cells[cell]));
  return (
    <tr>
      <td className="nowrap">
        <HealthMark health={type === 'Warning' ? 'warn' : 'done'}>{reason}</HealthMark>
      </td>
      <td className="wrap soft">{message}</td>
      <td className="faint">
        <CellText row={row} column="Last Seen" cell={cells[3] ?? -1} />
      </td>
    </tr>
  );
}
