import type { Catalogue, Key } from '..';
import { others } from './en';

/** What stands for a name in braces; a word ends where the next sign of the sentence is. */
const WORDS: Record<string, string> = { count: '(\\d+)', rest: '(.+)' };
const WORD = '([^\\s",;]+)';

const KEYS = Object.keys(others) as (keyof typeof others)[];
const REASONS = KEYS.filter((key) => key.startsWith('reason.')).map((key) => ({ key, ...pattern(others[key]) }));

function pattern(text: string): { pattern: RegExp; names: string[] } {
  const names: string[] = [];
  const source = text.replace(/\{(\w+)\}|[()[\].*+?^$|\\/]/g, (sign, name?: string) => {
    if (name === undefined) return `\\${sign}`;
    names.push(name);
    return WORDS[name] ?? WORD;
  });
  return { pattern: new RegExp(source, 'g'), names };
}

/** A message of Kubernetes with the reasons that it is known for in the catalogue's language; the rest stays as it is. */
export function known(message: string, catalogue: Catalogue): string {
  return REASONS.reduce((text, { key, pattern, names }) => {
    return text.replace(pattern, (_whole, ...found) =>
      catalogue[key].replace(/\{(\w+)\}/g, (_, name: string) => found[names.indexOf(name)]),
    );
  }, message);
}

/** The editor's words, as it takes them. */
export function editorWords(t: (key: Key & `code.${string}`) => string): Record<string, string> {
  const words = KEYS.filter((key): key is typeof key & `code.${string}` => key.startsWith('code.'));
  return Object.fromEntries(words.map((key) => [others[key], t(key)]));
}

/** The name of a fact; a field of a kind that nobody knows is called as it is. */
export function factName(label: string, t: (key: Key & `fact.${string}`) => string): string {
  const key = `fact.${label}`;
  return key in others ? t(key as Key & `fact.${string}`) : label;
}

/** The name of a key, as it stands on keyboards. */
export function keyName(name: string, t: (key: Key & `key.${string}`) => string): string {
  const key = `key.${name}`;
  return key in others ? t(key as Key & `key.${string}`) : name;
}
