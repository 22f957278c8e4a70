import { Agent, request } from 'node:https';
import type { Page } from '@playwright/test';
import { expect, kubectl, list, NAMESPACE, sample, test } from './dashboard';

test.beforeAll(sample);
// The recorder's own work would count as the page's.
test.use({ trace: 'off' });
test.setTimeout(240_000);

const COUNT = 10_000;
const LANES = 16;
/** Changes of rows in a second. */
const RATE = 200;
const COLLECTION = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

/** Asks the API server over connections that stay: kubectl allows itself fifty requests in a second. */
function client() {
  const config = JSON.parse(kubectl('config', 'view', '--raw', '--minify', '-o', 'json'));
  const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster;
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user;
  const plain = (text: string) => Buffer.from(text, 'base64');
  const agent = new Agent({ keepAlive: true, maxSockets: LANES, ca: plain(ca), cert: plain(cert), key: plain(key) });
  return (method: string, path: string, body = '') =>
    new Promise<number | undefined>((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const options = { method, agent, headers: { 'content-type': type } };
      const sent = request(new URL(path, server), options, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode));
      });
      sent.on('error', reject).end(body);
    });
}

/** Changes rows at the rate until told to stop, half of them near the top; answers how many. */
function changing(ask: ReturnType<typeof client>): () => Promise<number> {
  const [begun, sent] = [Date.now(), [] as Promise<unknown>[]];
  const timer = setInterval(() => {
    for (const due = ((Date.now() - begun) / 1000) * RATE; sent.length < due; ) {
      const number = Math.floor(Math.random() * (sent.length % 2 ? COUNT : 300));
      const body = JSON.stringify({ data: { change: String(sent.length) } });
      sent.push(ask('PATCH', `${COLLECTION}/row-${String(number).padStart(5, '0')}`, body));
    }
  }, 20);
  return async () => {
    clearInterval(timer);
    return (await Promise.all(sent)).length;
  };
}

/** What the page's tasks take of the processor (milliseconds): other work on the machine does not count. */
async function tracing(page: Page) {
  const devtools = await page.context().newCDPSession(page);
  const events: { name: string; pid: number; tid: number; tdur?: number; args: { name?: string } }[] = [];
  devtools.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as typeof events)));
  await devtools.send('Tracing.start', { traceConfig: { includedCategories: ['toplevel'] } });
  return async () => {
    const complete = new Promise((resolve) => devtools.once('Tracing.tracingComplete', resolve));
    await devtools.send('Tracing.end');
    await complete;
    const thread = ({ pid, tid }: { pid: number; tid: number }) => `${pid}/${tid}`;
    const main = new Set(events.filter(({ args }) => args.name === 'CrRendererMain').map(thread));
    const tasks = events.filter((event) => event.name.endsWith('RunTask') && main.has(thread(event)));
    return tasks.map(({ tdur = 0 }) => tdur / 1000);
  };
}

/** The tasks that take more than a frame, the longest first. */
const longer = (tasks: number[]) => tasks.filter((milliseconds) => milliseconds > 16).sort((a, b) => b - a);

test('a list of ten thousand rows scrolls with a window of them, while they change', async ({ page }) => {
  const ask = client();
  const rows = Array.from({ length: COUNT }, (_, index) => {
    const metadata = { name: `row-${String(index).padStart(5, '0')}`, labels: { rows: 'many' } };
    return ask('POST', COLLECTION, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata }));
  });
  expect(new Set(await Promise.all(rows))).toEqual(new Set([201]));
  await page.addInitScript(() => {
    const tasks: number[] = [];
    Object.assign(window, { tasks });
    new PerformanceObserver((entries) => {
      for (const entry of entries.getEntries()) tasks.push(Math.round(entry.duration));
    }).observe({ type: 'longtask', buffered: true });
  });
  const load = await tracing(page);
  await page.goto(`${list('core/v1/configmaps')}&l=rows%3Dmany`);
  await expect(page.getByRole('grid')).toHaveAttribute('aria-rowcount', String(COUNT + 1));
  // What loading took is its own matter.
  const loading = longer(await load());
  await page.evaluate(() => (window as unknown as { tasks: number[] }).tasks.splice(0));

  const grid = page.getByRole('grid');
  await grid.hover();
  // The first step makes the rows that are missing above the first; from then on they are used again and again.
  await page.mouse.wheel(0, 900);
  await expect(page.getByText('row-00030')).toBeVisible();
  await page.evaluate(() => {
    const made = { rows: 0 };
    Object.assign(window, { made });
    new MutationObserver((records) => {
      for (const { addedNodes } of records)
        made.rows += [...addedNodes].filter((node) => node instanceof Element && node.matches('.grid-row')).length;
    }).observe(document.querySelector('.grid-body') as Element, { childList: true });
  });
  const [changes, tasks] = [changing(ask), await tracing(page)];
  for (let step = 1; step < 60; step++) {
    await page.mouse.wheel(0, 900);
    // The next step comes when this one is drawn: a frame's work is done before the frame after it begins.
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  }
  const work = longer(await tasks());
  const changed = await changes();
  await grid.focus();
  await page.keyboard.press('End');
  await expect(page.getByText(`row-0${COUNT - 1}`)).toBeVisible();
  await page.keyboard.press('Home');
  await expect(page.getByText('row-00000')).toBeVisible();

  const drawn = await page.locator('.grid-row').count();
  const elements = await page.locator('.grid-body *').count();
  const made = await page.evaluate(() => (window as unknown as { made: { rows: number } }).made.rows);
  const scrolling = await page.evaluate(() => (window as unknown as { tasks: number[] }).tasks);
  const memory = await page.evaluate(
    () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
  );
  const told = (work: number[]) =>
    `longest work of a task ${Math.round(work[0] ?? 0)} ms, of ${work.length} over 16 ms`;
  process.stdout.write(
    `10,000 rows: while loading ${told(loading)}; while scrolling ${told(work)}, tasks that took over 50 ms ` +
      `${scrolling.length}, the longest ${Math.max(0, ...scrolling)} ms, ${changed} changes meanwhile; ` +
      `heap ${Math.round(memory / 1024 / 1024)} MiB; ${drawn} rows of ${elements} elements drawn, ${made} made while scrolling\n`,
  );
  // What a step of scrolling costs is the number of rows in sight, their elements, and that none are made or thrown away.
  expect(drawn).toBeLessThanOrEqual(40);
  expect(elements / drawn).toBeLessThanOrEqual(10);
  expect(made).toBeLessThanOrEqual(drawn);
  expect(await ask('DELETE', `${COLLECTION}?labelSelector=rows%3Dmany`)).toBe(200);
});
