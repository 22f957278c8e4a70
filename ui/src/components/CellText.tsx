import type { Row } from '../api/contract';
import { isAged, text } from '../pages/list/columns';
import { Aged } from './Age';

/** What a row has in a column, its ages as they are now. */
export function CellText({ row, column, cell }: { row: Row; column: string; cell: number }) {
  const written = text(row.cells[cell]);
  return isAged(column, written, row) ? <Aged text={written} at={row.at} /> : written;
}
