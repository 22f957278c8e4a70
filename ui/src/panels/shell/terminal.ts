/** What a terminal's connection is doing. Pure; `Terminal.tsx` acts on it. */
import type { Exit } from './channel';

export type Connection =
  | { state: 'connecting'; attempt: number }
  | { state: 'open' }
  /** The command ended by itself. */
  | { state: 'ended'; exit: Exit }
  /** The connection broke; the shell in the container is lost. `in` milliseconds it is tried again. */
  | { state: 'lost'; attempt: number; in: number }
  /** It is not tried again by itself. */
  | { state: 'failed'; message: string };

export type Happening =
  | { what: 'opened' }
  | { what: 'exit'; exit: Exit }
  | { what: 'closed'; reason: string }
  | { what: 'retry' };

const ATTEMPTS = 6;
const FIRST_WAIT = 500;

export const start: Connection = { state: 'connecting', attempt: 0 };

export function step(connection: Connection, happening: Happening): Connection {
  switch (happening.what) {
    case 'opened':
      return { state: 'open' };
    case 'exit':
      return happening.exit.code === null
        ? { state: 'failed', message: happening.exit.message }
        : { state: 'ended', exit: happening.exit };
    case 'retry':
      return { state: 'connecting', attempt: connection.state === 'lost' ? connection.attempt : 0 };
    case 'closed':
      return closed(connection, happening.reason);
  }
}

function closed(connection: Connection, reason: string): Connection {
  if (connection.state === 'ended' || connection.state === 'failed') return connection;
  const attempt = connection.state === 'connecting' ? connection.attempt + 1 : 1;
  if (attempt > ATTEMPTS) return { state: 'failed', message: reason };
  return { state: 'lost', attempt, in: FIRST_WAIT * 2 ** (attempt - 1) };
}

/** Starts the best shell that the container has, a bash in preference. */
export const SHELL = [
  '/bin/sh',
  '-c',
  'TERM=xterm-256color; export TERM; for s in bash ash sh; do command -v $s >/dev/null 2>&1 && exec $s; done',
];

/** Whether a failure says that the container has no shell at all. */
export function hasNoShell(message: string): boolean {
  return /\/bin\/sh/.test(message) && /no such file|not found/i.test(message);
}
