import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLUSTER, expect, NAMESPACE, sample, test } from './dashboard';

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
