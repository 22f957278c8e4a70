import { findResource, type Resource } from '../kinds/discovery';

/** What a line of k9s's grammar asks for: `pods web @dev /crash -l app=web`. */
export interface Command {
  resource: Resource | undefined;
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
  const command: Command = {
    resource: findResource(resources, head),
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
