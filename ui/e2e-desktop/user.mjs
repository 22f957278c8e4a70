import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The command line's program, which the app runs. */
const PROGRAM = resolve(process.env.DEVCLUSTER_BIN ?? '../target/release/devcluster');

/** A user of their own for whoever starts the app, with no clusters: their folder, their environment, and their end. */
export function newUser() {
  const home = mkdtempSync(join(tmpdir(), 'devcluster-desktop-'));
  /** @type {NodeJS.ProcessEnv} */
  const env = {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    DEVCLUSTER_HOME: join(home, 'state'),
    DEVCLUSTER_BIN: PROGRAM,
    NO_AT_BRIDGE: '1',
    // Its writer outlives the app by a moment, and would get in the way of removing the folder.
    MESA_SHADER_CACHE_DISABLE: 'true',
  };
  /** Ends the agent, as a newer one would. */
  const stopAgent = async () => {
    const { port, bearer } = JSON.parse(readFileSync(join(home, 'state/agent.json'), 'utf8'));
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    // It may end before it has answered.
    await fetch(`http://127.0.0.1:${port}/api/stop`, { method: 'POST', headers, body: '{}' }).catch(() => undefined);
  };
  const remove = async () => {
    await stopAgent();
    // WebKit's helpers may still write while they end.
    rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  };
  return { home, env, stopAgent, remove };
}
