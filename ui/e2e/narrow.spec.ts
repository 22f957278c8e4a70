import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { apply, CLUSTER, expect, kubectl, list, object, sample, test } from './dashboard';
import { PAGES } from './places';

test.beforeAll(sample);

/** A phone, WCAG's width for reflow (1.4.10), and a tablet. */
const WIDTHS = [390, 320, 768];

/** Everything that sticks out to the right of the window and is in no box that scrolls by itself. */
const outside = (page: Page) =>
  page.evaluate(() => {
    const edge = document.documentElement.clientWidth + 1;
    const scrolls = (element: Element) => {
      for (let box = element.parentElement; box && !box.matches('.page, .frame'); box = box.parentElement)
        if (getComputedStyle(box).overflowX !== 'visible' && box.getBoundingClientRect().right <= edge) return true;
      return false;
    };
    const out = [...document.body.querySelectorAll('*')].filter((element) => {
      const { width, height, right } = element.getBoundingClientRect();
      return width > 0 && height > 0 && right > edge && !scrolls(element);
    });
    return out.map((element) => `${element.tagName}.${element.getAttribute('class')}`);
  });

/** Holds as soon as what came last is laid out: rows and sizes may still be on their way. */
const nothingSticksOut = (page: Page, where = '') => expect.poll(() => outside(page), { message: where }).toEqual([]);

/** The pages and forms whose content is wider than they are. */
const tooWide = () =>
  [...document.querySelectorAll('.page, form')]
    .filter((box) => box.scrollWidth - box.clientWidth > 1)
    .map((box) => box.className);

for (const [name, path, settled] of PAGES) {
  test(`the page ${name} needs no sideways scrolling on a narrow screen`, async ({ page }) => {
    await page.goto(path);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 844 });
      await expect(page.locator('main, aside').getByText(settled).first()).toBeVisible();
      await nothingSticksOut(page, `at ${width} pixels`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), `at ${width} pixels`).toBe(width);
      await expect.poll(() => page.evaluate(tooWide), { message: `at ${width} pixels` }).toEqual([]);
    }
  });
}

test('on a phone the frame around the pages has no accessibility violation', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`/c/${CLUSTER}`);
  await expect(page.getByText('What there is')).toBeVisible();
  const { violations } = await new AxeBuilder({ page }).exclude('.main').analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(', ')}`)).toEqual([]);
});

test('on a narrow screen the navigation is a drawer that keys open, use and close', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`/c/${CLUSTER}`);
  const drawer = page.getByRole('navigation', { name: 'Navigation' });
  const button = page.getByRole('button', { name: 'Navigation' });
  await expect(drawer).toBeHidden();
  await button.focus();
  await page.keyboard.press('Enter');
  await expect(drawer).toBeVisible();
  await expect(button).toHaveAttribute('aria-expanded', 'true');
  await expect(drawer.getByRole('link', { name: 'Overview' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(drawer).toBeHidden();
  await expect(button).toBeFocused();

  await page.keyboard.press('Enter');
  await drawer.getByRole('link', { name: 'Deployments' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Deployments' })).toBeVisible();
  await expect(drawer).toBeHidden();

  await button.click();
  await page.mouse.click(380, 400);
  await expect(drawer).toBeHidden();
});

test('on a narrow screen the toolbar of logs is one row, and the rest of it behind a button', async ({ page }) => {
  await page.setViewportSize({ width: 400, height: 844 });
  await page.goto(`${object('apps/v1/deployments', 'web')}?view=logs`);
  const bar = page.locator('.bar');
  const [search, more] = [
    page.getByLabel('Search', { exact: true }),
    page.getByRole('button', { name: 'Filter and view' }),
  ];
  const level = page.getByRole('button', { name: 'Errors' });
  await expect(level).toBeHidden();
  const [box, first, last] = [await bar.boundingBox(), await search.boundingBox(), await more.boundingBox()];
  expect(first?.y).toBeCloseTo(last?.y ?? 0, 0);
  expect(box?.height).toBeLessThan(2 * (first?.height ?? 0));
  await more.focus();
  await page.keyboard.press('Enter');
  await expect(more).toHaveAttribute('aria-expanded', 'true');
  await expect(level).toBeVisible();
  await nothingSticksOut(page);
});

test('on a narrow screen what can be done with an object is one row of icons with names, and the map a list', async ({
  page,
}) => {
  await page.setViewportSize({ width: 400, height: 844 });
  await page.goto(object('apps/v1/deployments', 'web'));
  const rows = new Set<number | undefined>();
  for (const name of ['Logs', 'Edit', 'Forward a port', 'Scale', 'More', 'Delete']) {
    const button = page.locator('.page-head').getByRole('button', { name, exact: true });
    rows.add((await button.boundingBox())?.y);
  }
  expect(rows.size).toBe(1);
  await page.goto(`/c/${CLUSTER}/map?ns=dashboard`);
  await expect(page.getByRole('button', { name: 'Show as map' })).toBeVisible();
  await expect(page.getByRole('rowheader', { name: 'settings' })).toBeVisible();
});

test('logs stay at their end when the toolbar takes room from them', async ({ page }) => {
  apply(
    '{apiVersion: v1, kind: Pod, metadata: {name: counting}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: "devcluster/busybox:1", command: [sh, -c, "seq 1001 1200; sleep 3600"]}]}}',
  );
  await page.setViewportSize({ width: 400, height: 844 });
  await page.goto(`${object('core/v1/pods', 'counting')}?view=logs`);
  const last = page.getByRole('log').getByText('1200', { exact: true });
  await expect(last).toBeInViewport();
  await page.getByRole('button', { name: 'Filter and view' }).click();
  await expect(last).toBeInViewport();
  await expect(page.getByRole('button', { name: 'To the end' })).toHaveCount(0);
  await page.getByRole('log').hover();
  await page.mouse.wheel(0, -900);
  await expect(page.getByRole('button', { name: 'To the end' })).toBeVisible();
  kubectl('delete', 'pod', 'counting');
});

test('letters of twice the size have the layout of half the room', async ({ page }) => {
  await page.addInitScript(() =>
    localStorage.setItem('devcluster-settings', JSON.stringify({ state: { zoom: 200 }, version: 0 })),
  );
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const [, path, settled] of PAGES.filter(([name]) => ['overview', 'pods', 'deployment', 'logs'].includes(name))) {
    await page.goto(path);
    await expect(page.locator('main').getByText(settled).first()).toBeVisible();
    await expect(page.getByRole('navigation', { name: 'Navigation' })).toBeHidden();
    await nothingSticksOut(page, path);
  }
});

test('letters of twice the size have that layout from the first frame on, in the colours that were chosen', async ({
  page,
}) => {
  await page.addInitScript(() => {
    localStorage.setItem('devcluster-settings', JSON.stringify({ state: { zoom: 200, theme: 'dark' }, version: 0 }));
    const seen: unknown[] = [];
    Object.assign(window, { seen });
    // Told for every frame in which it changed, after layout.
    const drawer = new IntersectionObserver((entries) =>
      seen.push(...entries.map((one) => one.boundingClientRect.width)),
    );
    new MutationObserver((_, own) => {
      if (document.body && seen.length === 0) seen.push(document.documentElement.dataset.theme);
      const side = document.querySelector('.side');
      if (side === null) return;
      drawer.observe(side);
      own.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
  await page.setViewportSize({ width: 1280, height: 900 });
  for (let load = 0; load < 6; load++) {
    await page.goto(list('core/v1/pods'));
    await expect(page.getByRole('grid')).toBeVisible();
    expect(await page.evaluate(() => (window as unknown as { seen: unknown[] }).seen)).toEqual(['dark', 0]);
  }
});

test('what the header tells gives way to its icons', async ({ page }) => {
  const operation = {
    id: 'long',
    title: 'Load an image',
    cluster: CLUSTER,
    action: 'load',
    state: 'running',
    steps: [],
  };
  await page.routeWebSocket(/\/api\/ws/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((text) => {
      socket.send(text);
      socket.send(JSON.stringify({ type: 'operation', operation }));
    });
  });
  await page.goto(list('core/v1/pods'));
  const operations = page.getByRole('button', { name: 'Operations' });
  await expect(operations).toContainText('1 running');
  for (const width of [1280, 961, 960, 700, 641, 640, 390, 320]) {
    await page.setViewportSize({ width, height: 700 });
    await expect(operations).toBeVisible();
    await nothingSticksOut(page, `at ${width} pixels`);
  }
});

test('on a narrow screen a dialog, a menu and the palette fit', async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 700 });
  await page.goto(list('core/v1/pods'));
  await expect(page.getByRole('grid')).toBeVisible();
  await page.getByRole('button', { name: 'Columns' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await nothingSticksOut(page);
  await page.keyboard.press('Escape');
  for (const name of ['Operations', 'Appearance and language', 'Namespaces']) {
    await page.getByRole('button', { name }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await nothingSticksOut(page, name);
    await page.keyboard.press('Escape');
  }
  await page.getByRole('grid').focus();
  await page.keyboard.press(':');
  await expect(page.getByRole('combobox')).toBeFocused();
  await nothingSticksOut(page);
});

test('what stands above a page stays where it is while the page loads', async ({ page }) => {
  await page.addInitScript(() => {
    localStorage.setItem('devcluster-settings', JSON.stringify({ state: { zoom: 200 }, version: 0 }));
    const moved: string[] = [];
    Object.assign(window, { moved });
    new PerformanceObserver((shifts) => {
      const nodes = shifts
        .getEntries()
        .flatMap((shift) => (shift as unknown as { sources: { node?: Node }[] }).sources);
      for (const { node } of nodes)
        if (node?.parentElement?.closest('.top, .page-head')) moved.push(node.textContent ?? '');
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const [, path, settled] of PAGES.filter(([name]) => ['service', 'node', 'events'].includes(name))) {
    await page.goto(path);
    await expect(page.locator('main').getByText(settled).first()).toBeVisible();
    // Shifts are told after the frame in which they happened.
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    expect(await page.evaluate(() => (window as unknown as { moved: string[] }).moved), path).toEqual([]);
  }
});

test('on a phone a list tells in full what is wrong with an object', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  apply(
    '{apiVersion: v1, kind: Pod, metadata: {name: nowhere}, spec: {nodeSelector: {no: such}, containers: [{name: main, image: "devcluster/busybox:1"}]}}',
  );
  await page.goto(list('core/v1/pods'));
  const words = page.getByRole('row', { name: 'nowhere' }).getByText('fits on none of');
  await expect(words).toBeVisible();
  expect(await words.evaluate((cell) => cell.scrollWidth - cell.clientWidth)).toBe(0);
  await nothingSticksOut(page);
  kubectl('delete', 'pod', 'nowhere', '--now');
});

test('on a phone nothing that is in sight moves while the page of an object loads', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.addInitScript(() => {
    const moved: string[] = [];
    Object.assign(window, { moved });
    new PerformanceObserver((shifts) => {
      for (const shift of shifts.getEntries() as unknown as { sources: { node?: Node }[] }[])
        for (const { node } of shift.sources) {
          const section = node instanceof Element ? node.closest('.card, .stack') : null;
          if (section === node && section !== null) moved.push(section.textContent ?? '');
        }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const settled = new Set(['node', 'service', 'deployment', 'claim']);
  for (const [name, path, text] of PAGES.filter(([name]) => settled.has(name))) {
    await page.goto(path);
    await expect(page.locator('main').getByText(text).first()).toBeVisible();
    await expect(page.locator('main [aria-busy=true]')).toHaveCount(0);
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    expect(await page.evaluate(() => (window as unknown as { moved: string[] }).moved), name).toEqual([]);
  }
});
