/** Lines that are JSON objects, and the columns that are made of them. */

/** The fields of a line, nested ones as `a.b`; null when the line is no JSON object. */
export function parseJson(text: string): Record<string, string> | null {
  const start = text.trimStart();
  if (!start.startsWith('{') || !start.trimEnd().endsWith('}') || text.length > 100_000) return null;
  try {
    const fields: Record<string, string> = {};
    flatten(JSON.parse(text) as Record<string, unknown>, '', fields);
    return fields;
  } catch {
    return null;
  }
}

function flatten(value: Record<string, unknown>, prefix: string, out: Record<string, string>): void {
  for (const [key, inner] of Object.entries(value)) {
    if (inner !== null && typeof inner === 'object' && !Array.isArray(inner) && prefix.length < 200) {
      flatten(inner as Record<string, unknown>, `${prefix}${key}.`, out);
    } else {
      out[prefix + key] = typeof inner === 'string' ? inner : (JSON.stringify(inner) ?? '');
    }
  }
}

const TIME = ['time', 'ts', 'timestamp', '@timestamp', 't'];
const MESSAGE = ['msg', 'message', 'event', 'text'];

/** In characters. */
const WIDEST = 40;

/** How wide columns are, so that lines stand below each other: as their longest value of late, but for the last. */
export function widthsOf(lines: readonly { fields: Record<string, string> | null }[], columns: string[]): number[] {
  const late = lines.slice(-500);
  return columns.map((column) =>
    late.reduce((most, { fields }) => Math.min(WIDEST, Math.max(most, fields?.[column]?.length ?? 0)), column.length),
  );
}

/** The columns offered for lines: the fields that many of them have, level first, message last, the time (shown anyway) left out. */
export function columnsOf(lines: readonly { fields: Record<string, string> | null }[], most = 12): string[] {
  const counts = new Map<string, number>();
  for (const { fields } of lines.slice(-500))
    for (const key of Object.keys(fields ?? {})) counts.set(key, (counts.get(key) ?? 0) + 1);
  const rank = (key: string) => (['level', 'severity', 'lvl'].includes(key) ? 0 : MESSAGE.includes(key) ? 2 : 1);
  return [...counts]
    .filter(([key]) => !TIME.includes(key))
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([key]) => key)
    .sort((a, b) => rank(a) - rank(b));
}
