/** Kubernetes' remote command protocol over WebSockets, `v5.channel.k8s.io`: one byte of channel, then the payload. */

export const PROTOCOL = 'v5.channel.k8s.io';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
/** Its payload is the number of the channel that is closed. */
const CLOSE = 255;

export type Frame =
  | { channel: 'stdout' | 'stderr'; bytes: Uint8Array }
  | { channel: 'exit'; exit: Exit }
  | { channel: 'other' };

export interface Exit {
  /** The exit code of the command; null when it never ran. */
  code: number | null;
  message: string;
}

function frame(channel: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(payload.length + 1);
  bytes[0] = channel;
  bytes.set(payload, 1);
  return bytes;
}

export const stdin = (payload: Uint8Array) => frame(STDIN, payload);
export const closeStdin = () => frame(CLOSE, Uint8Array.of(STDIN));
export const resize = (columns: number, rows: number) =>
  frame(RESIZE, new TextEncoder().encode(JSON.stringify({ Width: columns, Height: rows })));

export function read(bytes: Uint8Array): Frame {
  const payload = bytes.subarray(1);
  switch (bytes[0]) {
    case STDOUT:
      return { channel: 'stdout', bytes: payload };
    case STDERR:
      return { channel: 'stderr', bytes: payload };
    case ERROR:
      return { channel: 'exit', exit: exitOf(new TextDecoder().decode(payload)) };
    default:
      return { channel: 'other' };
  }
}

interface ExecStatus {
  status?: string;
  message?: string;
  reason?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/** The status that ends a command: success, an exit code, or why it did not run. */
export function exitOf(text: string): Exit {
  let status: ExecStatus;
  try {
    status = JSON.parse(text) as ExecStatus;
  } catch {
    return { code: null, message: text };
  }
  if (status.status === 'Success') return { code: 0, message: '' };
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  return { code: code === undefined ? null : Number(code), message: status.message ?? '' };
}
