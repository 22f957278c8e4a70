import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Driver } from './driver';
import { newUser } from './user.mjs';

/** The program under test, as `make unit` builds it. */
const APP = resolve(process.env.DEVCLUSTER_DESKTOP_BIN ?? '../target/debug/devcluster-desktop');

const { home, env, stopAgent, remove } = newUser();

/** Starts the app once more; its exit code. */
async function again(...args: string[]): Promise<number> {
  const [code] = await once(spawn(APP, args, { env, stdio: 'ignore' }), 'exit');
  return code;
}

/** Waits until an expectation holds. */
const eventually = (expectation: () => Promise<void>) => vi.waitFor(expectation, { timeout: 60_000, interval: 100 });
const shows = (app: Driver, text: string) => eventually(async () => expect(await app.text()).toContain(text));
const opens = async (app: Driver) => {
  await eventually(async () => expect(await app.url()).toMatch(/^http:/));
  await eventually(async () =>
    expect(await app.run('return document.documentElement.outerHTML')).toContain('class="brand"'),
  );
};

afterAll(remove);

describe('an app that runs', () => {
  let app: Driver;
  const path = async () => new URL(await app.url()).pathname;
  const isAt = (place: string) => eventually(async () => expect(await path()).toBe(place));
  const invoke = (command: string) => app.settle('window.__TAURI_INTERNALS__.invoke(arguments[0], {})', command);

  beforeAll(async () => {
    app = await Driver.start(APP, [], env);
    await opens(app);
  });
  afterAll(() => app.end());

  test('shows the dashboard, and no token stays in its address', async () => {
    await shows(app, 'A Kubernetes cluster of your own');
    expect(await app.url()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  });

  test('has one window with a title', async () => {
    expect(await app.title()).toMatch(/ · devcluster$/);
    expect(await app.windows()).toHaveLength(1);
  });

  test('goes from page to page', async () => {
    await app.click('a[href="/create"]');
    await isAt('/create');
    await app.click('header .brand');
    await isAt('/');
  });

  test('a second start ends, and the window stays the only one', async () => {
    expect(await again()).toBe(0);
    expect(await app.windows()).toHaveLength(1);
    expect(await path()).toBe('/');
  });

  test('a link opens its page in the window that is there, which is not loaded anew', async () => {
    await app.run('window.before = true');
    expect(await again('devcluster://some/map?ns=default')).toBe(0);
    await isAt('/c/some/map');
    expect(await app.run('return [location.search, window.before]')).toEqual(['?ns=default', true]);
    expect(await again('devcluster://evil.example/x')).toBe(0);
    expect(await path()).toBe('/c/some/map');
  });

  test('the dashboard may ask nothing of the program', async () => {
    for (const command of ['start', 'plugin:notification|notify', 'plugin:window|close']) {
      const [outcome, message] = await invoke(command);
      expect(outcome, command).toBe('failed');
      expect(message, command).toMatch(/not allowed/);
    }
  });

  test('scripts in the page and other servers are refused', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => response.end(void asked.push(request.url ?? '')));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const elsewhere = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const ran = await app.run(`const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.head.append(script);
      return window.injected ?? false`);
    expect(ran).toBe(false);
    expect(await app.settle('fetch(arguments[0], { mode: "no-cors" })', `${elsewhere}/fetch`)).toContain('failed');
    await app.run('new Image().src = arguments[0]', `${elsewhere}/image`);
    const before = await app.url();
    await app.run('location.href = arguments[0]', `${elsewhere}/page`);
    expect(await invoke('start')).toContain('failed');
    expect(await app.url()).toBe(before);
    expect(asked).toEqual([]);
    server.close();
  });

  test('when the agent ends the page says so, and recovers with the next one', async () => {
    await app.run('window.before = true');
    await app.run(`window.said = false;
      new MutationObserver(() => { window.said ||= document.body.innerText.includes('Connection lost'); })
        .observe(document.body, { subtree: true, childList: true });`);
    await stopAgent();
    await eventually(async () => expect(await app.run('return window.said')).toBe(true));
    await eventually(async () => expect(await app.text()).not.toContain('Connection lost'));
    expect(await app.run('return window.before')).toBe(true);
  });
});

describe('an app that starts', () => {
  let app: Driver | undefined;
  afterEach(async () => {
    await app?.end();
    app = undefined;
  });

  test('has the size that it had before', async () => {
    const size = { width: 900, height: 700 };
    app = await Driver.start(APP, [], env);
    await opens(app);
    await app.resize(size.width, size.height);
    expect(await again('--quit')).toBe(0);
    await app.end();
    app = await Driver.start(APP, [], env);
    await opens(app);
    expect(await app.size()).toMatchObject(size);
  });

  test('opens the page of the link that started it', async () => {
    app = await Driver.start(APP, ['devcluster://some/events'], env);
    await opens(app);
    expect(new URL(await app.url()).pathname).toBe('/c/some/events');
  });

  test('says why the agent cannot start, and tries again when asked', async () => {
    const program = join(home, 'bin/devcluster');
    mkdirSync(join(home, 'bin'), { recursive: true });
    writeFileSync(program, '#!/bin/sh\necho "error: no engine here" >&2\nexit 1\n');
    chmodSync(program, 0o755);
    app = await Driver.start(APP, [], { ...env, DEVCLUSTER_BIN: program });
    await shows(app, 'no engine here');
    expect(await app.url()).toMatch(/^tauri:/);
    expect(await app.settle('fetch("http://127.0.0.1:1/", { mode: "no-cors" })')).toContain('failed');
    expect(await app.settle('window.__TAURI_INTERNALS__.invoke("plugin:window|close")')).toContain('failed');
    writeFileSync(program, `#!/bin/sh\nexec '${env.DEVCLUSTER_BIN}' "$@"\n`);
    await app.click('#again');
    await opens(app);
  });
});
