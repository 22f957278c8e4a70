import { EllipsisVertical } from 'lucide-react';
import { memo } from 'react';
import { Link } from 'wouter';
import type { Row } from '../../api/contract';
import { Age } from '../../components/Age';
import { HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { useRow } from '../../store/hooks';
import type { ListView } from '../../store/list';
import { type Shown, text } from './columns';

interface Props {
  id: string;
  view: ListView;
  /** Empty while the window with this row is on its way. */
  uid: string;
  index: number;
  top: number;
  columns: Shown[];
  template: string;
  active: boolean;
  selected: boolean;
  href: (row: Row) => string;
}

/** One row, which listens to its own object only. The grid listens to keys and mouse for all of them. */
export const GridRow = memo(function GridRow({
  id,
  view,
  uid,
  index,
  top,
  columns,
  template,
  active,
  selected,
  href,
}: Props) {
  const { t } = useI18n();
  const row = useRow(view, uid);
  const style = { gridTemplateColumns: template, transform: `translateY(${top}px)` };
  if (!row) return <div className="grid-row waiting" style={style} role="row" aria-rowindex={index + 2} />;
  return (
    <div
      id={id}
      role="row"
      className="grid-row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-index={index}
      data-active={active}
      data-deleting={row.deleting}
      style={style}
    >
      <span role="gridcell">
        <input type="checkbox" tabIndex={-1} checked={selected} aria-label={t('select', { name: row.name })} readOnly />
      </span>
      {columns.map((column) => (
        <span
          key={`${column.kind}${column.name}`}
          role="gridcell"
          className={column.numeric ? 'cut numeric' : 'cut'}
          title={column.kind === 'text' ? text(row.cells[column.cell]) : undefined}
        >
          <CellView column={column} row={row} href={href} />
        </span>
      ))}
      <span role="gridcell">
        <button
          type="button"
          tabIndex={-1}
          className="button icon quiet small"
          data-menu
          aria-label={t('actions.of', { name: row.name })}
        >
          <EllipsisVertical />
        </button>
      </span>
    </div>
  );
});

function CellView({ column, row, href }: { column: Shown; row: Row; href: (row: Row) => string }) {
  const { t } = useI18n();
  switch (column.kind) {
    case 'name':
      return (
        <>
          <HealthMark health={row.health} />{' '}
          <Link href={href(row)} tabIndex={-1} title={row.name}>
            {row.name}
          </Link>
        </>
      );
    case 'namespace':
      return <span className="soft">{row.namespace}</span>;
    case 'age':
      return <Age since={row.created} />;
    case 'why':
      return <span className={row.health}>{row.deleting ? t('deleting') : row.why}</span>;
    default:
      return text(row.cells[column.cell]);
  }
}
