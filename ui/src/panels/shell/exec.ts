/** Commands in containers: a stream for terminals, and one that runs to its end for files and questions. */
import { clusterPath, resourcePath } from '../../api/k8s';
import { socketUrl } from '../../api/session';
import { spoken } from '../../i18n';
import { PODS } from '../../kinds/gvrs';
import { closeStdin, type Exit, PROTOCOL, read, stdin } from './channel';

export interface Place {
  cluster: string;
  namespace: string;
  pod: string;
  container: string;
}

export interface StreamOptions {
  /** A command to run; without one the container's own process is attached to. */
  command?: string[];
  tty: boolean;
  stdin: boolean;
}

export async function openStream(place: Place, options: StreamOptions): Promise<WebSocket> {
  const subresource = options.command === undefined ? 'attach' : 'exec';
  const path = clusterPath(place.cluster, resourcePath(PODS, place.namespace, place.pod, subresource));
  const query = new URLSearchParams({ container: place.container, stdout: 'true' });
  if (options.stdin) query.set('stdin', 'true');
  if (options.tty) query.set('tty', 'true');
  else query.set('stderr', 'true');
  for (const word of options.command ?? []) query.append('command', word);
  const socket = new WebSocket(await socketUrl(`${path}?${query}`), [PROTOCOL]);
  socket.binaryType = 'arraybuffer';
  return socket;
}

export interface Result {
  stdout: Uint8Array<ArrayBuffer>;
  stderr: string;
  exit: Exit;
}

/** Pieces of this size keep the page responsive while a file goes up. */
const PIECE = 64 * 1024;

/** Runs a command to its end. Rejects when the connection ends before the command does. */
export async function run(place: Place, command: string[], input?: Uint8Array): Promise<Result> {
  const socket = await openStream(place, { command, tty: false, stdin: input !== undefined });
  const out: Uint8Array[] = [];
  const err: Uint8Array[] = [];
  let exit: Exit | undefined;
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => {
      if (input === undefined) return;
      for (let from = 0; from < input.length; from += PIECE) socket.send(stdin(input.subarray(from, from + PIECE)));
      socket.send(closeStdin());
    });
    socket.addEventListener('message', ({ data }) => {
      const frame = read(new Uint8Array(data as ArrayBuffer));
      if (frame.channel === 'stdout') out.push(frame.bytes);
      else if (frame.channel === 'stderr') err.push(frame.bytes);
      else if (frame.channel === 'exit') exit = frame.exit;
    });
    socket.addEventListener('close', ({ reason }) => {
      if (exit === undefined) reject(new Error(reason || spoken().t('panel.shell.broken')));
      else resolve({ stdout: join(out), stderr: new TextDecoder().decode(join(err)), exit });
    });
  });
}

/** The output of a command that must succeed. Throws what it wrote to stderr otherwise. */
export async function output(place: Place, command: string[], input?: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const { stdout, stderr, exit } = await run(place, command, input);
  if (exit.code !== 0)
    throw new Error(stderr.trim() || exit.message || spoken().t('panel.shell.exit', { code: exit.code ?? '' }));
  return stdout;
}

function join(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
