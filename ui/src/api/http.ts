import { spoken } from '../i18n';
import { again } from './again';
import type { Status } from './contract';

/** The message of anything that was thrown. */
export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** A request that failed: the server's words, its reason and its HTTP status. */
export class ApiError extends Error {
  readonly reason: string;
  readonly code: number;

  constructor(status: Status) {
    super(status.message);
    this.name = 'ApiError';
    this.reason = status.reason ?? 'Unknown';
    this.code = status.code ?? 0;
  }
}

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A text or a file goes as it is, all else as JSON. */
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal;
}

/** Sends one request to the agent. Throws an `ApiError` unless it succeeds. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { accept: options.accept ?? 'application/json' };
  const method = options.method ?? 'GET';
  if (method !== 'GET') headers['content-type'] = options.contentType ?? 'application/json';
  const given = options.body;
  const body =
    given === undefined || typeof given === 'string' || given instanceof Blob ? given : JSON.stringify(given);
  // What a page takes away when it goes is taken away though it is gone.
  const keepalive = method === 'DELETE';
  const signal = options.signal ?? null;
  const request = { method, headers, body, signal, keepalive, credentials: 'same-origin' } as const;
  let response: Response;
  try {
    // A network that changes, as containers that start change it, cuts off what is on its way. What only reads asks again.
    response = await (method === 'GET' ? again(() => fetch(path, request)) : fetch(path, request));
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiError({ message: spoken().t('session.unreachable.title'), reason: 'Unreachable' });
  }
  if (response.ok) return response;
  throw await failure(response);
}

/** Sends a request and reads the answer as JSON; an empty answer is `undefined`. */
export async function json<T>(path: string, options?: RequestOptions): Promise<T> {
  const text = await (await send(path, options)).text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const status = JSON.parse(text) as Status;
    if (typeof status.message === 'string') return new ApiError({ code: response.status, ...status });
  } catch {
    // Not a Status: whatever stands in the body is the message.
  }
  return new ApiError({ message: text || `${response.status} ${response.statusText}`, code: response.status });
}
