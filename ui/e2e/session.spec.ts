import { test as anonymous } from '@playwright/test';
import { expect, link, test } from './dashboard';

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

test('the page keeps what it shows when the connection is lost, says so, and recovers', async ({ page, context }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Clusters' })).toBeVisible();
  await context.setOffline(true);
  await page.evaluate(() => dispatchEvent(new Event('offline')));
  await context.setOffline(false);
  await expect(page.getByRole('heading', { name: 'Clusters' })).toBeVisible();
});
