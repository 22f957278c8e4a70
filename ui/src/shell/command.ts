import { ACTIONS, type Action, type ActionId } from '../kinds/actions';
import { findResource, type Resource } from '../kinds/discovery';

/** What narrows objects in k9s's grammar: `web @dev /crash -l app=web`. */
export interface Narrowed {
  /** A word after the resource: a namespace when there is one of that name, else a filter. */
  namespaces: string[];
  cluster: string;
  filter: string;
  labels: string;
}

/** What a line asks for: `pods web @dev`. */
export interface Command extends Narrowed {
  resource: Resource | undefined;
  /** Whether the first word is one of the kind's names; else it is how one begins that other words narrow. */
  exact: boolean;
}

const wordsOf = (line: string) => line.trim().split(/\s+/).filter(Boolean);

/** Reads a line of the palette. The first word names a kind; the others narrow it. */
export function parseCommand(line: string, resources: Resource[], namespaces: string[]): Command {
  const [head = '', ...rest] = wordsOf(line);
  const exact = findResource(resources, head);
  return {
    resource: exact ?? (rest.length > 0 ? beginning(resources, head) : undefined),
    exact: exact !== undefined,
    ...narrow(rest, namespaces),
  };
}

function narrow(words: string[], namespaces: string[]): Narrowed {
  const found: Narrowed = { namespaces: [], cluster: '', filter: '', labels: '' };
  const filter: string[] = [];
  const rest = [...words];
  while (rest.length > 0) {
    const word = rest.shift() ?? '';
    if (word === '-l') found.labels = rest.shift() ?? '';
    else if (word === '-n') found.namespaces.push(rest.shift() ?? '');
    else if (word.startsWith('@')) found.cluster = word.slice(1);
    else if (/^\/[^/]*$/.test(word)) filter.push(word.slice(1));
    else if (namespaces.includes(word)) found.namespaces.push(word);
    else filter.push(word);
  }
  found.filter = filter.filter(Boolean).join(' ');
  found.namespaces = found.namespaces.filter(Boolean);
  return found;
}

/** The kind with the shortest name that begins so: `serv` are services. */
function beginning(resources: Resource[], word: string): Resource | undefined {
  const found = resources.filter(
    (r) => word.length > 1 && r.verbs.includes('list') && r.resource.startsWith(word.toLowerCase()),
  );
  return found.sort((a, b) => a.resource.length - b.resource.length)[0];
}

/** Something to do: `restart deploy web`, `logs deploy/web`, `scale web 5`, or `delete` alone for what the page is about. */
export interface Order extends Narrowed {
  /** What the verb means; which of them, the kind decides. */
  actions: Action[];
  /** The kinds whose objects could be meant. */
  resources: Resource[];
  /** Whether objects are named, and not just whatever the page is about. */
  named: boolean;
  /** How many replicas. */
  replicas?: string;
}

/** What other tools call the actions. */
const ALIASES: Record<string, ActionId> = {
  log: 'logs',
  sh: 'shell',
  exec: 'shell',
  'port-forward': 'forward',
  pf: 'forward',
  rm: 'delete',
  del: 'delete',
};

/** Of an action that fits many kinds these many are looked through when none is named. */
export const MOST_KINDS = 3;

/** Reads a line that begins with a verb: an action's name in English, or what the page calls it. */
export function parseOrder(
  line: string,
  resources: Resource[],
  namespaces: string[],
  labelOf: (id: ActionId) => string,
): Order | null {
  const [verb = '', ...words] = wordsOf(line.toLowerCase());
  const actions = ACTIONS.filter(({ id }) => [id, labelOf(id).toLowerCase()].includes(ALIASES[verb] ?? verb));
  if (actions.length === 0) return null;
  const last = words.at(-1) ?? '';
  const scales = actions.some(({ id }) => id === 'scale') && /^\d+$/.test(last);
  if (scales) words.pop();
  const [head = '', ...rest] = words.flatMap((word) => word.split(/(?<=^[a-z.]+)\/(?=.)/));
  const kind = findResource(resources, head);
  const fitting = (kind ? [kind] : resources).filter((r) => actions.some(({ on }) => on(r)));
  const narrowed = narrow(kind || head === '' ? rest : [head, ...rest], namespaces);
  return {
    actions,
    resources: fitting.slice(0, MOST_KINDS),
    named: head !== '',
    ...narrowed,
    ...(scales ? { replicas: last } : {}),
  };
}

/**
 * What the palette offers, best first: the kind that is named and its objects, then what has the letters. A kind that is
 * only begun comes after what has them.
 */
export function ranked<Entry extends { id: string }>(
  { exact }: Pick<Command, 'exact'>,
  kind: Entry[],
  letters: Entry[],
  shown: number,
): Entry[] {
  // Some room is left for the rest: `events` is a page as well.
  const first = exact ? [...kind.slice(0, shown - 4), ...letters] : [...letters, ...kind];
  return first.filter(({ id }, index) => first.findIndex((other) => other.id === id) === index).slice(0, shown);
}
