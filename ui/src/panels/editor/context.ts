/** Where in a block of YAML the cursor is, told from indentation, so that it works on text that does not parse yet. */

export interface Context {
  /** The way from the document's root to the map (or list) that the cursor's line belongs to. */
  path: (string | number)[];
  /** Set when the cursor stands behind `key:`. */
  key: string | null;
  /** Set when the cursor stands behind `- ` in a list of plain values. */
  item: boolean;
  /** The start of the word under the cursor, as a column. */
  column: number;
  word: string;
  /** The keys that the map has already. */
  siblings: string[];
  /** The columns at which the map's keys stand. */
  indent: number;
  apiVersion: string;
  kind: string;
}

interface Line {
  /** Columns of the dashes before the content. */
  dashes: number[];
  /** Column of the content. */
  column: number;
  key: string | null;
  value: string;
}

const SEPARATOR = /^---(\s|$)/;

/** Null where nothing can be suggested: in comments and in block scalars. */
export function contextAt(text: string, offset: number): Context | null {
  const lines = text.split('\n');
  const row = text.slice(0, offset).split('\n').length - 1;
  const column = offset - (text.lastIndexOf('\n', offset - 1) + 1);
  const before = (lines[row] ?? '').slice(0, column);
  if (/(^|\s)#/.test(before)) return null;
  const line = read(before);
  const [first, last] = documentAround(lines, row);
  const path = climb(lines, row, first, line.dashes[0] ?? line.column);
  if (path === null) return null;
  for (let index = line.dashes.length - 1; index >= 0; index--) path.push(0);
  const word = line.key === null ? before.slice(line.column) : line.value;
  const siblings = line.key === null ? siblingsOf(lines, row, first, last, line) : [];
  return {
    path,
    key: line.key,
    item: line.dashes.length > 0 && line.key === null,
    column: column - word.length,
    word,
    siblings,
    indent: line.column,
    apiVersion: field(lines, first, last, 'apiVersion'),
    kind: field(lines, first, last, 'kind'),
  };
}

/** The path of the key whose name is at the offset, for the words shown when hovering. */
export function keyAt(text: string, offset: number): { context: Context; from: number; to: number } | null {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  const full = text.slice(start, end === -1 ? text.length : end);
  const line = read(full);
  if (line.key === null) return null;
  const from = start + line.column;
  const to = from + line.key.length;
  if (offset < from || offset > to) return null;
  const context = contextAt(text, from);
  return context === null ? null : { context: { ...context, key: line.key }, from, to };
}

function read(text: string): Line {
  const dashes: number[] = [];
  let column = text.length - text.trimStart().length;
  while (/^-(\s|$)/.test(text.slice(column))) {
    dashes.push(column);
    const rest = text.slice(column + 1);
    column += 1 + (rest.length - rest.trimStart().length);
  }
  const match = /^("[^"]*"|'[^']*'|[^\s#'"{[][^#]*?):(\s+(.*))?$/.exec(text.slice(column));
  const key = match === null ? null : (match[1] ?? '').replace(/^(["'])(.*)\1$/, '$2');
  return { dashes, column, key, value: match?.[3] ?? '' };
}

function documentAround(lines: string[], row: number): [number, number] {
  let first = row;
  while (first > 0 && !SEPARATOR.test(lines[first] ?? '')) first--;
  if (SEPARATOR.test(lines[first] ?? '')) first++;
  let last = row;
  while (last + 1 < lines.length && !SEPARATOR.test(lines[last + 1] ?? '')) last++;
  return [first, last];
}

/** Goes up from a line to the keys it is indented below. Null inside a block scalar. */
function climb(lines: string[], row: number, first: number, column: number): (string | number)[] | null {
  const path: (string | number)[] = [];
  const own = read(lines[row] ?? '').dashes.length > 0;
  let limit = column;
  let listed = own;
  for (let above = row - 1; above >= first; above--) {
    const text = lines[above] ?? '';
    if (text.trim() === '' || text.trimStart().startsWith('#')) continue;
    const line = read(text);
    const parent =
      line.key !== null && (line.column < limit || (listed && line.column === limit && line.dashes.length === 0));
    if (parent && line.key !== null) {
      if (/^[|>]/.test(line.value)) return null;
      path.unshift(line.key);
      limit = line.column;
      listed = false;
    }
    for (const dash of [...line.dashes].reverse()) {
      if (dash >= limit) continue;
      path.unshift(0);
      limit = dash;
      listed = true;
    }
    if (limit === 0 && !listed) break;
  }
  return path;
}

function siblingsOf(lines: string[], row: number, first: number, last: number, self: Line): string[] {
  const found: string[] = [];
  const scan = (index: number): boolean => {
    const text = lines[index] ?? '';
    if (text.trim() === '' || text.trimStart().startsWith('#')) return true;
    const line = read(text);
    if (line.column === self.column && line.key !== null) found.push(line.key);
    return line.dashes.length === 0 && line.column >= self.column;
  };
  if (self.dashes.length === 0) for (let index = row - 1; index >= first && scan(index); index--);
  for (let index = row + 1; index <= last; index++) {
    const line = read(lines[index] ?? '');
    if (line.dashes.length > 0 && (line.dashes[0] ?? 0) < self.column) break;
    if (!scan(index)) break;
  }
  return found;
}

function field(lines: string[], first: number, last: number, name: string): string {
  const line = lines.slice(first, last + 1).find((text) => text.startsWith(`${name}:`));
  return line === undefined
    ? ''
    : line
        .slice(name.length + 1)
        .replace(/\s#.*$/, '')
        .trim()
        .replace(/^(["'])(.*)\1$/, '$2');
}
