import type { Cell, Column, ExtraColumn, Row } from '../../api/contract';

/** A column as the grid shows it; `cell` is its place in the rows' cells, -1 for what is not among them. */
export interface Shown {
  name: string;
  cell: number;
  /** In characters. */
  width: number;
  /** Right-aligned. */
  numeric: boolean;
  kind: 'name' | 'namespace' | 'age' | 'cpu' | 'memory' | 'why' | 'text';
  description: string;
}

const NARROWEST = 5;
const WIDEST = 30;
/** Room for the sort mark. */
const MARK = 3;

export interface Options {
  wide: boolean;
  namespace: boolean;
  /** Whether what the objects use is known. */
  usage: boolean;
}

const USAGE = (['cpu', 'memory'] as const).map(
  (kind): Shown => ({
    name: kind === 'cpu' ? 'CPU' : 'Memory',
    cell: -1,
    kind,
    width: kind === 'cpu' ? 6 : 8,
    numeric: true,
    description: '',
  }),
);

/**
 * The columns of a list: those the server prints by default (all with `wide`), the namespace when it can differ, what is
 * used, the age drawn live, and at the end what is wrong, in words.
 */
export function shownColumns(columns: Column[], rows: Row[], options: Options): Shown[] {
  const shown: Shown[] = columns.flatMap((column, cell): Shown[] => {
    if (column.priority > 0 && !options.wide) return [];
    const kind = column.name === 'Name' ? 'name' : column.name === 'Age' ? 'age' : 'text';
    return [
      {
        name: column.name,
        cell,
        kind,
        width: kind === 'age' ? 7 : width(column.name, rows, cell),
        numeric: column.type === 'integer' || column.type === 'number',
        description: column.description,
      },
    ];
  });
  if (options.namespace) {
    const longest = Math.max(9 + MARK, ...rows.map((row) => row.namespace.length));
    const namespace: Shown = {
      name: 'Namespace',
      cell: -1,
      kind: 'namespace',
      width: Math.min(longest, WIDEST),
      numeric: false,
      description: '',
    };
    shown.splice(1, 0, namespace);
  }
  if (options.usage) {
    const age = shown.findIndex(({ kind }) => kind === 'age');
    shown.splice(age < 0 ? shown.length : age, 0, ...USAGE);
  }
  if (rows.some((row) => row.why !== null)) {
    shown.push({ name: '', cell: -1, kind: 'why', width: WIDEST, numeric: false, description: '' });
  }
  return shown;
}

/** Columns as they are drawn and as they would be now: the same ones unless there are others, or one has become wider. */
export function grown(before: Shown[], now: Shown[]): Shown[] {
  const same =
    before.length === now.length && before.every(({ name, kind }, i) => name === now[i]?.name && kind === now[i]?.kind);
  if (!same) return now;
  const widths = now.map(({ width }, i) => Math.max(width, before[i]?.width ?? 0));
  return widths.every((width, i) => width === before[i]?.width)
    ? before
    : now.map((column, i) => ({ ...column, width: widths[i] ?? column.width }));
}

function width(name: string, rows: Row[], cell: number): number {
  let longest = name.length + MARK;
  for (const row of rows) longest = Math.max(longest, text(row.cells[cell]).length);
  // Letters in brackets and capitals are wider than the digit that a `ch` is.
  return Math.min(Math.max(longest + 1, NARROWEST), WIDEST);
}

export const text = (cell: Cell | undefined): string => (cell === null || cell === undefined ? '' : String(cell));

/** The grid's tracks: the name and the words take what room there is. */
export function tracks(columns: Shown[]): string {
  return ['2.4rem', ...columns.map(track), '2.4rem'].join(' ');
}

function track(column: Shown): string {
  const widest = column.kind === 'name' || column.kind === 'why' ? '3fr' : `${column.width}ch`;
  return `minmax(${narrowest(column)}ch, ${widest})`;
}

function narrowest({ kind, width }: Shown): number {
  if (kind === 'name') return Math.min(width + 4, 26);
  return kind === 'why' ? 20 : Math.min(width, 14);
}

/** What a row needs at least, head and body alike: below it the grid scrolls sideways. */
export function leastWidth(columns: Shown[]): string {
  const letters = columns.reduce((sum, column) => sum + narrowest(column), 0);
  // The two narrow tracks and the padding, then the gaps.
  return `calc(${letters}ch + ${7.7 + (columns.length + 1) * 1.143}rem)`;
}

/** Extra columns in the address: `Name:label:app;Image:path:.spec.containers[0].image`. */
export function readColumns(value: string): ExtraColumn[] {
  return value.split(';').flatMap((part): ExtraColumn[] => {
    const [name, how, ...rest] = part.split(':');
    const what = rest.join(':');
    if (!name || !what) return [];
    if (how === 'label') return [{ name, label: what }];
    return how === 'path' ? [{ name, jsonPath: what }] : [];
  });
}

export const writeColumns = (columns: ExtraColumn[]): string =>
  columns
    .map((column) =>
      'label' in column ? `${column.name}:label:${column.label}` : `${column.name}:path:${column.jsonPath}`,
    )
    .join(';');

/** The order after a click on a column: one way, the other, none. Of what is used the most is looked for. */
export function nextSort(sort: string, name: string, kind: Shown['kind']): string {
  const ways = ['asc', 'desc'].map((way) => `${name}:${way}`);
  if (kind === 'cpu' || kind === 'memory') ways.reverse();
  return ways[ways.indexOf(sort) + 1] ?? '';
}
