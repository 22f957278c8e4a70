/**
 * How far the line after this one begins: below a key that has nothing beside it, or a lone dash, one step further; else
 * where this line's own key is, past the dashes before it.
 */
export function indentAfter(line: string): number {
  const [, space = '', dashes = '', rest = ''] = /^( *)((?:- +)*)(.*?)\s*(?:(?:^|\s)#.*)?$/.exec(line) ?? [];
  return space.length + dashes.length + (/(^-|:(?:\s*[|>][-+\d]*)?)$/.test(rest) ? 2 : 0);
}
