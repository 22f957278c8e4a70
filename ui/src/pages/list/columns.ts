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
  /** Whether it is a line below the others instead. */
  below?: boolean;
  /** In characters, where that is more than a column of its kind has. */
  least?: number;
}

const NARROWEST = 5;
const WIDEST = 30;
const WIDEST_BESIDE_WORDS = 18;
/** So many letters of words are worth more than the rest of other columns. */
const WORDY = 60;
/** A `ch` in rem. */
const LETTER = 0.636;
/** Room for the sort mark. */
const MARK = 3;

export interface Options {
  wide: boolean;
  namespace: boolean;
  /** Whether what the objects use is known, and in how much room (rem). */
  usage: boolean;
  room: number;
}

/** In rem: what is used has no room in less, nor in less than the second beside words on what is wrong. */
const ROOMY = [75, 95] as const;
/** In rem: in less, as on a phone, words on what is wrong are cut after the first few. */
const PHONE = 35;

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
 * used, the age drawn live, and what is wrong, in words: at the end, beside the name where there is little room, and on a
 * phone below it.
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
  const wrong = rows.some((row) => row.why !== null);
  if (options.usage && options.room >= ROOMY[wrong ? 1 : 0]) {
    const age = shown.findIndex(({ kind }) => kind === 'age');
    shown.splice(age < 0 ? shown.length : age, 0, ...USAGE);
  }
  if (wrong) {
    const why: Shown = { name: '', cell: -1, kind: 'why', width: WIDEST, numeric: false, description: '' };
    const [letters, rem] = least([...shown, why]);
    const narrow = letters * LETTER + rem > options.room;
    const below = narrow && options.room > 0 && options.room < PHONE;
    shown.splice(narrow ? 1 : shown.length, 0, { ...why, below });
  }
  return shown;
}

/** The column with the longest texts: words on what is wrong, else the last text where there is no name, as of events. */
const wordy = (columns: Shown[]) =>
  columns.find(({ kind }) => kind === 'why') ??
  (columns.some(({ kind }) => kind === 'name') ? undefined : columns.findLast(({ kind }) => kind === 'text'));

/** Gives half of the room that is left (rem) to the longest texts before others get as much as they would take. */
export function withRoom(columns: Shown[], room: number): Shown[] {
  const longest = wordy(columns);
  if (!longest || longest.below) return columns;
  const [letters, rem] = least(columns);
  const spare = Math.floor((room - rem) / LETTER - letters);
  if (spare <= 0) return columns;
  const more = Math.min(WORDY, narrowest(longest) + Math.floor(spare / 2));
  return columns.map((column) => (column === longest ? { ...column, least: more } : column));
}

/** Columns as they are drawn and as they would be now: the same ones unless there are others, or one has become wider. */
export function grown(before: Shown[], now: Shown[]): Shown[] {
  const same =
    before.length === now.length &&
    before.every(
      ({ name, kind, below }, i) => name === now[i]?.name && kind === now[i]?.kind && below === now[i]?.below,
    );
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

/** Columns with ages that the server wrote, which go on while the page is open. */
const AGED = ['Last Seen', 'Last Schedule', 'Restarts', 'Duration'];

/** Whether what a row has in a column is older now than it says; what is over took as long as it took. */
export const isAged = (column: string, written: string, { health }: Pick<Row, 'health'>) =>
  AGED.includes(column) && /\d[ydhms]/.test(written) && !(column === 'Duration' && health === 'done');

export const text = (cell: Cell | undefined): string => (cell === null || cell === undefined ? '' : String(cell));

/** The grid's tracks: the name and the words take what room there is, the words from long texts too. */
export function tracks(all: Shown[]): string {
  const columns = all.filter(({ below }) => !below);
  const most = columns.some(({ kind }) => kind === 'why') ? WIDEST_BESIDE_WORDS : WIDEST;
  const takes = ({ kind }: Shown) => kind === 'name' || kind === 'why';
  const longest = wordy(columns);
  const widest = (column: Shown) => (takes(column) || column === longest ? '3fr' : `${Math.min(column.width, most)}ch`);
  const track = (column: Shown) => `minmax(${narrowest(column)}ch, ${widest(column)})`;
  return ['2.4rem', ...columns.map(track), '2.4rem'].join(' ');
}

function narrowest({ kind, width, least }: Shown): number {
  if (least !== undefined) return least;
  if (kind === 'name') return Math.min(width + 4, 26);
  return kind === 'why' ? 20 : Math.min(width, 14);
}

/** What a row needs at least, head and body alike: below it the grid scrolls sideways. */
export function leastWidth(columns: Shown[]): string {
  const [letters, rem] = least(columns);
  return `calc(${letters}ch + ${rem}rem)`;
}

/** The letters, and the two narrow tracks, the padding and the gaps. */
function least(all: Shown[]): [number, number] {
  const columns = all.filter(({ below }) => !below);
  return [columns.reduce((sum, column) => sum + narrowest(column), 0), 7.7 + (columns.length + 1) * 1.143];
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
