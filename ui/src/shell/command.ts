import { findResource, type Resource } from '../kinds/discovery';

/** What a line of k9s's grammar asks for: `pods web @dev /crash -l app=web`. */
export interface Command {
  resource: Resource | undefined;
  /** Whether the first word is one of the kind's names; else it is how one begins that other words narrow. */
  exact: boolean;
  /** A word after the resource: a namespace when there is one of that name, else a filter. */
  namespaces: string[];
  cluster: string;
  filter: string;
  labels: string;
}

/** Reads a line of the palette. The first word names a kind; the others narrow it. */
export function parseCommand(line: string, resources: Resource[], namespaces: string[]): Command {
  const words = line.trim().split(/\s+/).filter(Boolean);
  const [head = '', ...rest] = words;
  const exact = findResource(resources, head);
  const command: Command = {
    resource: exact ?? (rest.length > 0 ? beginning(resources, head) : undefined),
    exact: exact !== undefined,
    namespaces: [],
    cluster: '',
    filter: '',
    labels: '',
  };
  const filter: string[] = [];
  while (rest.length > 0) {
    const word = rest.shift() ?? '';
    if (word === '-l') command.labels = rest.shift() ?? '';
    else if (word === '-n') command.namespaces.push(rest.shift() ?? '');
    else if (word.startsWith('@')) command.cluster = word.slice(1);
    else if (word.startsWith('/')) filter.push(word.slice(1));
    else if (namespaces.includes(word)) command.namespaces.push(word);
    else filter.push(word);
  }
  command.filter = filter.filter(Boolean).join(' ');
  command.namespaces = command.namespaces.filter(Boolean);
  return command;
}

/** The kind with the shortest name that begins so: `serv` are services. */
function beginning(resources: Resource[], word: string): Resource | undefined {
  const found = resources.filter(
    (r) => word.length > 1 && r.verbs.includes('list') && r.resource.startsWith(word.toLowerCase()),
  );
  return found.sort((a, b) => a.resource.length - b.resource.length)[0];
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
