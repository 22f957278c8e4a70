import type { Page } from '@playwright/test';
import { CLUSTER, expect, kubectl, list, NAMESPACE, object, row, sample, test } from './dashboard';

test.beforeAll(sample);

const field = (page: Page) => page.getByRole('combobox', { name: 'Jump to anything' });

/** Types a line into the palette and waits until it offers what is expected first. */
async function line(page: Page, text: string, first: string | RegExp) {
  await page.keyboard.press(':');
  await field(page).fill(text);
  await expect(page.getByRole('option').first()).toContainText(first);
}

test('the palette does to the focused row what it is told', async ({ page }) => {
  await page.goto(list('apps/v1/deployments'));
  await expect(row(page, 'web')).toBeVisible();
  await page.getByRole('grid').focus();
  await page.keyboard.press(':');
  await expect(page.getByRole('option', { name: 'Restart · web' })).toBeVisible();
  await page.keyboard.press('Escape');
  await line(page, 'scale 3', 'Scale · web');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('spinbutton')).toHaveValue('3');
  await dialog.getByRole('button', { name: 'Scale' }).click();
  await expect.poll(() => kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}')).toBe('3');
  kubectl('scale', 'deployment/web', '--replicas=2');
});

test('the palette does to a named object what it is told, wherever one is', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}/map?ns=${NAMESPACE}`);
  await expect(page.getByRole('heading', { name: 'Map' })).toBeVisible();
  await line(page, 'restart deploy/web', 'Restart · web');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Restart web?' })).toBeVisible();
  await page.keyboard.press('Escape');
  await line(page, 'logs deploy web', 'Logs · web');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('tab', { name: 'Logs · web' })).toBeVisible();
  const unschedulable = () => kubectl('get', 'node', `${CLUSTER}-worker-1`, '-o', 'jsonpath={.spec.unschedulable}');
  await line(page, 'cordon worker-1', `Cordon · ${CLUSTER}-worker-1`);
  await page.keyboard.press('Enter');
  await expect.poll(unschedulable).toBe('true');
  await line(page, 'uncordon worker-1', `Uncordon · ${CLUSTER}-worker-1`);
  await page.keyboard.press('Enter');
  await expect.poll(unschedulable).toBe('');
});

test('nothing is done at once to an object that nobody named', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}`);
  await expect(page.getByText('What there is')).toBeVisible();
  await page.keyboard.press(':');
  await field(page).fill('cordon');
  await expect(page.getByRole('option', { name: /^Cordon/ })).toHaveCount(0);
});

test('the pages about clusters have palette and keys too', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Clusters' })).toBeVisible();
  await line(page, `stop ${CLUSTER}`, `Stop · @${CLUSTER}`);
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('+');
  await expect(page.getByText('The same on the command line')).toBeVisible();
  await line(page, `@${CLUSTER}`, `@${CLUSTER}`);
  await page.keyboard.press('Enter');
  await expect(page.getByText('What there is')).toBeVisible();
  await page.keyboard.press('g');
  await page.keyboard.press('u');
  await expect(page.getByRole('heading', { name: 'Metrics' })).toBeVisible();
  await page.keyboard.press('g');
  await page.keyboard.press('y');
  await expect(page.getByRole('heading', { name: 'Synced folders' })).toBeVisible();
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  await expect(page.getByRole('heading', { name: 'Clusters' })).toBeVisible();
});

test('who goes to a page by keys goes on with them there', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}?ns=${NAMESPACE}`);
  await expect(page.getByText('What there is')).toBeVisible();
  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await expect(row(page, 'web')).toBeVisible();
  await expect(page.getByRole('grid')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'web', exact: true })).toBeVisible();
  await expect(page.locator('#page')).toBeFocused();
  await page.goBack();
  await expect(page.getByRole('grid')).toBeFocused();
});

test('digits choose namespaces, and letters the panels below', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}/r/core/v1/configmaps`);
  await expect(row(page, 'settings')).toBeVisible();
  await page.keyboard.press('2');
  const names = kubectl('get', 'namespaces', '-o', 'jsonpath={.items[*].metadata.name}').split(' ').sort();
  const second = names.filter((name) => !name.startsWith('kube-'))[1] ?? '';
  await expect(page).toHaveURL(new RegExp(`ns=${second}`));
  await page.keyboard.press('0');
  await expect(page).not.toHaveURL(/ns=/);

  const tab = (name: string) => page.getByRole('tab', { name });
  await page.goto(object('apps/v1/deployments', 'web'));
  await page.getByRole('button', { name: 'Logs', exact: true }).click();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await expect(tab('Edit · web')).toHaveAttribute('aria-selected', 'true');
  await page.locator('body').press('w');
  await expect(tab('Logs · web')).toHaveAttribute('aria-selected', 'true');
  await expect(tab('Logs · web')).toBeFocused();
  await page.keyboard.press('z');
  await expect(page.getByRole('button', { name: 'Unfold the panels' })).toBeVisible();
  await page.keyboard.press('z');
  await expect(page.getByRole('button', { name: 'Fold the panels' })).toBeVisible();
  await page.keyboard.press('q');
  await expect(tab('Edit · web')).toBeFocused();
  await page.keyboard.press('q');
  await expect(page.getByRole('tab', { name: '·' })).toHaveCount(0);
});
