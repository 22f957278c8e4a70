import { expect, kubectl, list, object, row, sample, test } from './dashboard';

test.beforeAll(sample);

const editor = '.cm-content';

test('YAML is edited and saved', async ({ page }) => {
  await page.goto(`${object('core/v1/services', 'web')}?view=yaml`);
  await expect(page.locator(editor)).toContainText('kind: Service');
});

test('logs of a pod come into the dock by a key', async ({ page }) => {
  await page.goto(list('core/v1/pods'));
  await expect(row(page, 'web-')).toHaveCount(2);
  await page.getByRole('grid').focus();
  await page.keyboard.press('l');
  await expect(page.getByRole('tab', { name: /Logs · web-/ })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('tab', { name: /Logs · web-/ })).toBeVisible();
});

test('an edited ConfigMap key reaches the cluster', async ({ page }) => {
  await page.goto(object('core/v1/configmaps', 'settings'));
  await expect(page.getByText('greeting').first()).toBeVisible();
  kubectl('get', 'configmap', 'settings');
});
