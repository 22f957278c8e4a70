import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** Drives the app's web view over W3C WebDriver, as far as the tests need it. */
export class Driver {
  private constructor(
    private readonly driver: ChildProcess,
    private readonly session: string,
  ) {}

  /** Starts a program in whose web view the tests act. */
  static async start(binary: string, args: string[], environment: NodeJS.ProcessEnv): Promise<Driver> {
    const port = await freePort();
    const env = { ...environment, TAURI_WEBVIEW_AUTOMATION: 'true' };
    const driver = spawn('WebKitWebDriver', [`--port=${port}`], { env, stdio: ['ignore', 'inherit', 'inherit'] });
    const server = `http://127.0.0.1:${port}`;
    await listens(port);
    try {
      const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args } } };
      const { sessionId } = await call<{ sessionId: string }>('POST', `${server}/session`, { capabilities });
      return new Driver(driver, `${server}/session/${sessionId}`);
    } catch (error) {
      await end(driver);
      throw error;
    }
  }

  readonly url = () => call<string>('GET', `${this.session}/url`);
  readonly title = () => call<string>('GET', `${this.session}/title`);
  readonly windows = () => call<string[]>('GET', `${this.session}/window/handles`);
  readonly size = () => call<{ width: number; height: number }>('GET', `${this.session}/window/rect`);
  readonly resize = (width: number, height: number) => call('POST', `${this.session}/window/rect`, { width, height });

  /** What a script's `return` gives. Its arguments are `arguments`. */
  readonly run = <T>(script: string, ...args: unknown[]) =>
    call<T>('POST', `${this.session}/execute/sync`, { script, args });

  /** What a promise becomes: `['ok', value]` or `['failed', message]`. */
  readonly settle = (promise: string, ...args: unknown[]) =>
    call<[string, unknown]>('POST', `${this.session}/execute/async`, {
      script: `const done = arguments[arguments.length - 1];
        Promise.resolve().then(() => (${promise})).then((v) => done(['ok', v ?? null]), (e) => done(['failed', String(e)]));`,
      args,
    });

  readonly text = () => this.run<string>('return document.body.innerText');

  async click(selector: string) {
    const element = await call<Record<string, string>>('POST', `${this.session}/element`, {
      using: 'css selector',
      value: selector,
    });
    await call('POST', `${this.session}/element/${Object.values(element)[0]}/click`, {});
  }

  /** Ends the program, unless it has ended, and the driver. */
  async end() {
    await end(this.driver);
  }
}

/** The driver leaves the program that it started alone, which as long as it lives takes the next one for a second start. */
async function end(driver: ChildProcess) {
  const children = () =>
    readFileSync(`/proc/${driver.pid}/task/${driver.pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  for (const child of children()) process.kill(child, 'SIGKILL');
  while (children().length > 0) await pause();
  driver.kill();
  if (driver.exitCode === null && driver.signalCode === null) await once(driver, 'exit');
}

/** Between two looks at what tells nobody of its changes. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Milliseconds. The driver never answers for a script whose page is left while it is about to run. */
const PATIENCE = 30_000;

async function call<T>(method: string, url: string, body?: unknown): Promise<T> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(url, { method, ...sent, signal: AbortSignal.timeout(PATIENCE) });
  const { value } = (await response.json()) as { value: T & { error?: string; message?: string } };
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname}: ${value.error}: ${value.message}`);
  return value;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The driver does not say when it is ready. */
async function listens(port: number) {
  for (let left = 200; ; left--) {
    try {
      await fetch(`http://127.0.0.1:${port}/status`);
      return;
    } catch (error) {
      if (left === 0) throw error;
      await pause();
    }
  }
}
