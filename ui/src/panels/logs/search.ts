/** Finding text in lines and splitting it for highlighting, colours of terminals taken out. */

export interface Piece {
  text: string;
  hit: boolean;
}

/** Null when the text is no regular expression. */
export function matcher(query: string, options: { regex: boolean; exact: boolean }): RegExp | null {
  if (query === '') return null;
  const source = options.regex ? query : query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  try {
    return new RegExp(source, options.exact ? 'g' : 'gi');
  } catch {
    return null;
  }
}

export function pieces(text: string, pattern: RegExp | null): Piece[] {
  if (pattern === null) return [{ text, hit: false }];
  const out: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === '') continue;
    if (match.index > from) out.push({ text: text.slice(from, match.index), hit: false });
    out.push({ text: match[0], hit: true });
    from = match.index + match[0].length;
  }
  if (from < text.length || out.length === 0) out.push({ text: text.slice(from), hit: false });
  return out;
}

export function matches(text: string, pattern: RegExp): boolean {
  const found = pattern.test(text);
  // A global pattern remembers where it stopped; the next text begins at its beginning.
  pattern.lastIndex = 0;
  return found;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** The text without the escape sequences by which programs colour it. */
export function plain(text: string): string {
  return text.includes('\u001b') ? text.replace(ESCAPES, '') : text;
}

/** The hue, 0 to 11, by which one pod's lines are told from another's: the same for the same name, always. */
export function hueOf(name: string): number {
  let hash = 2166136261;
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 16777619) >>> 0;
  return hash % 12;
}

/** The lines as a file, each with what is shown before it: its time, and whose it is. */
export function fileOf(
  lines: readonly { pod: string; container: string; time: string; text: string }[],
  shown: { times: boolean; names: boolean },
): string {
  return lines
    .map(({ pod, container, time, text }) => {
      const before = [...(shown.times ? [time] : []), ...(shown.names ? [`${pod}/${container}`] : [])];
      return `${[...before, plain(text)].join(' ')}\n`;
    })
    .join('');
}
