import type { WebSocketRoute } from '@playwright/test';
import { anonymous, CLUSTER, expect, link, row, test } from './dashboard';

anonymous('without a link the page says how to get one', async ({ page }) => {
  await page.goto(new URL(link()).origin);
  await expect(page.getByText('devcluster dashboard')).toBeVisible();
});

anonymous('a link works once, and its token leaves the address', async ({ page, browser }) => {
  const url = link();
  await page.goto(url);
  await expect(page.getByRole('banner')).toBeVisible();
  expect(page.url()).not.toContain('t=');
  const other = await (await browser.newContext()).newPage();
  await other.goto(url);
  await expect(other.getByText('devcluster dashboard')).toBeVisible();
});

test('the page keeps what it shows when the connection is lost, says so, and recovers', async ({ page }) => {
  let reachable = true;
  const sockets: WebSocketRoute[] = [];
  await page.routeWebSocket(/\/api\/ws/, (socket) => {
    if (reachable) socket.connectToServer();
    else void socket.close();
    sockets.push(socket);
  });
  await page.goto(`/c/${CLUSTER}/r/core/v1/namespaces`);
  await expect(row(page, 'kube-system')).toBeVisible();
  reachable = false;
  for (const socket of sockets) await socket.close();
  await expect(page.getByText('Connection lost')).toBeVisible();
  await expect(row(page, 'kube-system')).toBeVisible();
  reachable = true;
  await expect(page.getByText('Connection lost')).toHaveCount(0);
  await expect(row(page, 'kube-system')).toBeVisible();
});

test('a page that a change of the network cut off while it loaded comes all the same', async ({ page }) => {
  const cut: string[] = [];
  for (const part of ['/assets/react-dom-', '/api/session', '/assets/Palette-'])
    await page.route(
      (url) => url.pathname.startsWith(part),
      (route) => {
        cut.push(part);
        return route.abort('connectionreset');
      },
      { times: 1 },
    );
  await page.goto(`/c/${CLUSTER}/r/core/v1/namespaces`);
  await expect(row(page, 'kube-system')).toBeVisible();
  await page.keyboard.press(':');
  await expect(page.getByRole('dialog')).toBeVisible();
  expect(cut).toEqual(['/assets/react-dom-', '/api/session', '/assets/Palette-']);
});
