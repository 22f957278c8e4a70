/** The ends of lines of a value, which the code box knows as line feeds alone. Pure. */

/** What ends the lines of a text; null where they end in several ways. */
export function lineEnd(text: string): '\n' | '\r\n' | null {
  const ends = new Set(text.match(/\r\n|\r|\n/g) ?? []);
  if (ends.size === 0) return '\n';
  const [end] = ends;
  return ends.size === 1 && (end === '\n' || end === '\r\n') ? end : null;
}

/** The text as the box shows it. Where lines end in several ways, each keeps its own. */
export function toBox(text: string): string {
  return lineEnd(text) === '\r\n' ? text.replaceAll('\r\n', '\n') : text;
}

/** What the box says, with the ends of lines that `before` had. */
export function fromBox(text: string, before: string): string {
  return lineEnd(before) === '\r\n' ? text.replaceAll('\n', '\r\n') : text;
}
