import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLUSTER, expect, kubectl, NAMESPACE, sample, test } from './dashboard';

test.beforeAll(sample);
test.use({ locale: 'de-DE' });

test('a followed folder tells in the page’s language how it stands', async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), 'sync-'));
  const write = (text: string) => writeFileSync(join(folder, 'note.yaml'), text);
  write('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: followed}\n');
  await page.goto(`/c/${CLUSTER}/sync?ns=${NAMESPACE}`);
  await page.getByRole('textbox', { name: 'Ordner oder Datei' }).fill(folder);
  await page.getByRole('button', { name: 'Beobachten' }).click();
  const main = page.getByRole('main');
  await expect(main.getByText('Auf dem Stand')).toBeVisible();
  write('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: followed}\ndatum: {}\n');
  await expect(main.getByText('Schlägt fehl')).toBeVisible();
  await expect(main.getByRole('alert')).toContainText('datum');
  await page.getByRole('button', { name: 'Nicht mehr beobachten' }).click();
  await expect(main.getByText('Kein Ordner wird beobachtet')).toBeVisible();
  rmSync(folder, { recursive: true });
});

test('the files of a folder become the keys of a ConfigMap, with each save', async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  const write = (text: string) => writeFileSync(join(folder, 'motto.txt'), text);
  const motto = () => kubectl('get', 'configmap', 'mottos', '--ignore-not-found', '-o', 'jsonpath={.data.motto\\.txt}');
  write('eins');
  await page.goto(`/c/${CLUSTER}/sync?ns=${NAMESPACE}`);
  await page.getByRole('combobox', { name: 'Was darin ist' }).selectOption('Dateien einer ConfigMap');
  await page.getByRole('textbox', { name: 'Name' }).fill('mottos');
  await page.getByRole('textbox', { name: 'Ordner oder Datei' }).fill(folder);
  await expect(page.getByText(`--configmap mottos=${folder}`)).toBeVisible();
  await page.getByRole('button', { name: 'Beobachten' }).click();
  await expect.poll(motto).toBe('eins');
  write('zwei');
  await expect.poll(motto).toBe('zwei');
  await page.getByRole('button', { name: 'Nicht mehr beobachten' }).click();
  kubectl('delete', 'configmap', 'mottos');
  rmSync(folder, { recursive: true });
});
