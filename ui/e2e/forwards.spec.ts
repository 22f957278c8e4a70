import { expect, object, sample, test } from './dashboard';

test.beforeAll(sample);

test('a port is forwarded to this machine and answers', async ({ page, request }) => {
  await page.goto(`${object('core/v1/services', 'web')}?view=forwards`);
  await page.getByRole('button', { name: 'Forward', exact: true }).click();
  const address = page.getByRole('link', { name: /127\.0\.0\.1|localhost/ }).first();
  await expect(address).toBeVisible();
  const url = (await address.getAttribute('href')) ?? '';
  await expect.poll(async () => (await request.get(url)).status()).toBe(200);
});
