import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

test('what would change is seen before it does, in the cluster and in the files', async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), 'look-'));
  const file = join(folder, 'note.yaml');
  writeFileSync(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: looked}\ndata:\n  a: eins # bleibt\n');
  const value = () => kubectl('get', 'configmap', 'looked', '--ignore-not-found', '-o', 'jsonpath={.data.a}');
  await page.goto(`/c/${CLUSTER}/sync?path=${encodeURIComponent(folder)}`);
  await page.getByRole('combobox', { name: 'Namespace der Objekte' }).selectOption(NAMESPACE);
  await expect(page.getByText(`--namespace ${NAMESPACE} ${folder}`)).toBeVisible();
  await page.getByRole('button', { name: 'Was sich ändern würde' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByText('+  a: eins')).toBeVisible();
  expect(value()).toBe('');
  await dialog.getByRole('button', { name: 'Beobachten' }).click();
  await expect.poll(value).toBe('eins');

  kubectl('patch', 'configmap', 'looked', '--type=merge', '-p', '{"data":{"a":"zwei"}}');
  await page.getByRole('button', { name: 'Aus dem Cluster übernehmen' }).click();
  await expect(dialog.getByText('+  a: zwei # bleibt')).toBeVisible();
  expect(readFileSync(file, 'utf8')).toContain('a: eins');
  await dialog.getByRole('button', { name: 'In die Dateien schreiben' }).click();
  await expect(dialog).toHaveCount(0);
  expect(readFileSync(file, 'utf8')).toContain('a: zwei # bleibt');
  await page.getByRole('button', { name: 'Nicht mehr beobachten' }).click();
  kubectl('delete', 'configmap', 'looked');
  rmSync(folder, { recursive: true });
});
