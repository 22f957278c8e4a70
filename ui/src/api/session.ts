import { again } from './again';
import { ApiError, json } from './http';

export type Session = { state: 'open'; version: string } | { state: 'closed' } | { state: 'unreachable' };

/**
 * Opens the session: a one-time token in the URL's fragment is swapped for the cookie and taken out of the address
 * bar and the history at once.
 */
export async function openSession(): Promise<Session> {
  const token = new URLSearchParams(location.hash.slice(1)).get('t');
  try {
    if (token) {
      history.replaceState(null, '', location.pathname + location.search);
      try {
        await json('/api/session', { method: 'POST', body: { token } });
      } catch (error) {
        // A reloaded or shared link: its token is spent, but the cookie may still be good.
        if (!(error instanceof ApiError) || error.code !== 401) throw error;
      }
    }
    const { version } = await json<{ version: string }>('/api/session');
    return { state: 'open', version };
  } catch (error) {
    return { state: error instanceof ApiError && error.code === 401 ? 'closed' : 'unreachable' };
  }
}

/** A ticket opens one WebSocket, within half a minute. One that is lost on its way costs nothing, so it is asked for again. */
export async function ticket(): Promise<string> {
  return (await again(() => json<{ ticket: string }>('/api/ticket', { method: 'POST', body: {} }))).ticket;
}

/** The address of a WebSocket of the agent. */
export async function socketUrl(path: string): Promise<string> {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('ticket', await ticket());
  return url.href;
}
