import { memo, type ReactNode } from 'react';
import type { Row } from '../../api/contract';
import { Age, Aged } from '../../components/Age';
import { type I18n, useI18n } from '../../i18n';
import { bytesText, coresText } from '../../panels/units';
import { useRow } from '../../store/hooks';
import type { ListView } from '../../store/list';
import { type Usage, useAmount } from '../../store/usage';
import { isAged, type Shown, text } from './columns';

interface Props {
  id: string;
  view: ListView;
  /** Empty while the window with this row is on its way. */
  uid: string;
  index: number;
  top: number;
  columns: Shown[];
  active: boolean;
  selected: boolean;
  usage: Usage | null;
  href: (row: Row) => string;
}

/**
 * One row, which listens to its own object only. The grid listens to keys and mouse for all of them. A row that scrolls
 * out becomes another that scrolls in, so all rows are of the same few elements, also while their content is on its way.
 */
export const GridRow = memo(function GridRow({
  id,
  view,
  uid,
  index,
  top,
  columns,
  active,
  selected,
  usage,
  href,
}: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const row = useRow(view, uid);
  return (
    <div
      id={id}
      role="row"
      className={row ? 'grid-row' : 'grid-row waiting'}
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-index={index}
      data-active={active}
      data-deleting={row?.deleting}
      style={{ top }}
    >
      <span role="gridcell" className="tick" />
      {columns.map((column) => (
        <span key={`${column.kind}${column.name}`} role="gridcell" className={look(column, row)}>
          {content(column, row, href, usage, i18n)}
        </span>
      ))}
      <span role="gridcell" className="at-edge">
        <button type="button" tabIndex={-1} data-actions aria-label={t('actions.of', { name: row?.name ?? '' })}>
          ⋮
        </button>
      </span>
    </div>
  );
});

function look({ kind, numeric, below }: Shown, row: Row | undefined): string {
  if (kind === 'why') return `${below ? 'below' : 'cut'} ${row?.health ?? ''}`;
  if (kind === 'namespace') return 'cut soft';
  return numeric ? 'cut numeric' : 'cut';
}

function content(
  column: Shown,
  row: Row | undefined,
  href: (row: Row) => string,
  usage: Usage | null,
  { t, say }: I18n,
): ReactNode {
  switch (column.kind) {
    case 'name':
      return (
        <>
          <i className={`mark ${row?.health ?? ''}`} role="img" aria-label={row && t(`health.${row.health}`)} />
          <a href={row && href(row)} tabIndex={-1}>
            {row?.name}
          </a>
        </>
      );
    case 'namespace':
      return row?.namespace;
    case 'cpu':
    case 'memory':
      return row && usage && <Amount usage={usage} row={row} of={column.kind} />;
    case 'age':
      return <Age since={row?.created} />;
    case 'why':
      return say(row?.why);
    default:
      return row && cellText(row, column);
  }
}

/** Text alone where it can be: a list has thousands of cells. */
function cellText(row: Row, { name, cell }: Shown): ReactNode {
  const written = text(row.cells[cell]);
  return isAged(name, written, row) ? <Aged text={written} at={row.at} /> : written;
}

const READ = {
  cpu: ({ cpu }: { cpu: number }) => coresText(cpu),
  memory: ({ memory }: { memory: number }) => bytesText(memory),
};

function Amount({ usage, row, of }: { usage: Usage; row: Row; of: 'cpu' | 'memory' }) {
  return useAmount(usage, row.namespace, row.name, READ[of]);
}
