import { expect, kubectl, list, object, row, sample, test } from './dashboard';

test.beforeAll(sample);

const value = (kind: string, name: string, path: string) => kubectl('get', kind, name, '-o', `jsonpath=${path}`);

test('a shell runs in a container', async ({ page }) => {
  await page.goto(list('core/v1/pods'));
  await row(page, 'web-').first().getByRole('link').click();
  await page.getByRole('tab', { name: 'Shell' }).click();
  await expect(page.getByText('Connected')).toBeVisible();
  await page.locator('.xterm').click();
  await page.keyboard.type('echo $((40 + 2))-and-more');
  await page.keyboard.press('Enter');
  await expect(page.locator('.xterm-rows')).toContainText('42-and-more');
});

test('a port is forwarded to this machine and answers', async ({ page, request }) => {
  await page.goto(`${object('core/v1/services', 'web')}?view=forwards`);
  await page.getByRole('button', { name: 'Forward', exact: true }).click();
  const address = page.getByRole('link', { name: /127\.0\.0\.1|localhost/ }).first();
  await expect(address).toBeVisible();
  const url = (await address.getAttribute('href')) ?? '';
  await expect.poll(async () => (await request.get(url)).status()).toBe(200);
});

test('a deployment is rolled back to an earlier revision', async ({ page }) => {
  kubectl('set', 'env', 'deployment/web', 'VERSION=next');
  kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
  await page.goto(`${object('apps/v1/deployments', 'web')}?view=rollout`);
  await page.getByRole('button', { name: 'Go back to' }).click();
  await expect.poll(() => value('deployment', 'web', '{.spec.template.spec.containers[0].env}')).toBe('');
});
