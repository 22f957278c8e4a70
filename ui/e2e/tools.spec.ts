import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { apply, CLUSTER, expect, kubectl, object, sample, samplePod, test } from './dashboard';

test.beforeAll(sample);

const NODE = `${CLUSTER}-worker-1`;

/** A pod or a template's spec around one container of a shell script. */
const runs = (script: string, more = '') =>
  `{terminationGracePeriodSeconds: 0, containers: [{name: main, image: devcluster/busybox:1, command: [sh, -c, '${script}']${more}}]`;

async function type(page: Page, line: string) {
  await page.locator('.xterm').click();
  await page.keyboard.type(line);
  await page.keyboard.press('Enter');
}

test('files of a volume are edited beside the pod that writes them, and seen when no pod has them', async ({
  page,
}) => {
  const mounted = ', volumeMounts: [{name: disk, mountPath: /data}]';
  const volumes = 'volumes: [{name: disk, persistentVolumeClaim: {claimName: disk}}]';
  const writer = runs('rm -rf /data/*; echo hello > /data/first.txt; sleep 3600', mounted);
  apply(`{apiVersion: v1, kind: Pod, metadata: {name: writer}, spec: ${writer}, ${volumes}}}`);
  kubectl('wait', '--for=condition=Ready', 'pod/writer', '--timeout=60s');
  const content = () => kubectl('exec', 'writer', '--', 'cat', '/data/first.txt');
  const save = page.getByRole('button', { name: 'Save', exact: true });
  await page.goto(`${object('core/v1/persistentvolumeclaims', 'disk')}?view=files`);
  await page.getByText('first.txt').click();
  await expect(page.locator('.cm-content')).toContainText('hello');
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('edited');
  await save.click();
  await expect.poll(content).toBe('edited');
  kubectl('exec', 'writer', '--', 'sh', '-c', 'echo theirs > /data/first.txt');
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(' again');
  await save.click();
  await expect(page.getByText('first.txt was changed meanwhile')).toBeVisible();
  expect(content()).toBe('theirs\n');
  await page.getByRole('button', { name: 'Write over it' }).click();
  await expect.poll(content).toBe('edited again');
  await page.getByRole('button', { name: 'New file' }).click();
  const dialog = page.getByRole('dialog');
  for (const [name, wrong] of [
    ['first.txt', 'There is something of this name'],
    ['../first.txt', 'A name without slashes'],
  ] as const) {
    await dialog.getByRole('textbox', { name: 'Name' }).fill(name);
    await expect(dialog.getByText(wrong)).toBeVisible();
    await expect(dialog.getByRole('button', { name: 'Create' })).toBeDisabled();
  }
  await dialog.getByRole('textbox', { name: 'Name' }).fill('second.txt');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect(page.getByRole('heading', { name: 'second.txt' })).toBeVisible();
  expect(kubectl('exec', 'writer', '--', 'cat', '/data/second.txt')).toBe('');
  // What is there is not replaced unasked.
  const upload = () =>
    page.locator('main input[type=file]').setInputFiles({
      name: 'second.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from([0, 255]),
    });
  await upload();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  expect(kubectl('exec', 'writer', '--', 'cat', '/data/second.txt')).toBe('');
  await upload();
  await dialog.getByRole('button', { name: 'Write over it' }).click();
  await expect.poll(() => kubectl('exec', 'writer', '--', 'od', '-An', '-tx1', '/data/second.txt')).toBe(' 00 ff\n');
  kubectl('delete', 'pod', 'writer');
  await expect(page.getByText('Through the pod files-')).toBeVisible();
  await page.getByRole('button', { name: 'Delete first.txt' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByRole('button', { name: 'Delete first.txt' })).toHaveCount(0);
});

test('an edit of a file outlives the pod that lends the way, another file and the page', async ({ page }) => {
  const script = 'echo one > /data/one.txt; echo two > /data/two.txt; sleep 3600';
  const lender = runs(script, ', volumeMounts: [{name: disk, mountPath: /data}]');
  const volumes = 'volumes: [{name: disk, persistentVolumeClaim: {claimName: disk}}]';
  apply(`{apiVersion: v1, kind: Pod, metadata: {name: lender}, spec: ${lender}, ${volumes}}}`);
  kubectl('wait', '--for=condition=Ready', 'pod/lender', '--timeout=60s');
  const text = page.locator('.cm-content');
  await page.goto(`${object('core/v1/persistentvolumeclaims', 'disk')}?view=files`);
  await page.getByRole('button', { name: /^one\.txt/ }).click();
  await expect(text).toContainText('one');
  await text.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('precious');
  await page.getByText('two.txt').click();
  await expect(text).toContainText('two');
  await page.getByRole('button', { name: /^one\.txt/ }).click();
  await expect(text).toContainText('precious');
  kubectl('delete', 'pod', 'lender');
  await expect(page.getByText('Through the pod files-')).toBeVisible();
  await expect(text).toContainText('precious');
  await page.reload();
  await page.getByRole('button', { name: /^one\.txt/ }).click();
  await expect(text).toContainText('precious');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Not saved yet')).toBeHidden();
  await page.reload();
  await page.getByRole('button', { name: /^one\.txt/ }).click();
  await expect(text).toContainText('precious');
  await expect(page.getByText('Not saved yet')).toBeHidden();
});

test('a node has a console, and is drained', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}/r/core/v1/nodes/_/${NODE}?view=shell`);
  await expect(page.getByText('Connected')).toBeVisible();
  await type(page, 'hostname');
  await expect(page.locator('.xterm-rows')).toContainText(new RegExp(`hostname\\s*${NODE}`));
  await page.getByRole('button', { name: 'Drain' }).click();
  // No controller makes another console.
  await expect(page.getByRole('dialog').getByText(/no controller owns them: .*console-/)).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
  await expect(page.getByText('pods evicted')).toBeVisible();
  const places = () => kubectl('get', 'pods', '-lapp=web', '-o', 'jsonpath={.items[*].spec.nodeName}');
  await expect.poll(places).not.toContain(NODE);
  kubectl('uncordon', NODE);
  kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
});

test('the pod that lends a console goes with the page', async ({ page }) => {
  const consoles = () => kubectl('get', 'pods', '-A', '-ldevcluster.io/tool=console', '-o', 'name');
  await page.goto(`/c/${CLUSTER}/r/core/v1/nodes/_/${NODE}?view=shell`);
  await expect(page.getByText('Connected')).toBeVisible();
  expect(consoles()).toContain('pod/console-');
  await page.goto('/');
  await expect.poll(consoles).toBe('');
});

test('a node is taken out of the cluster by its page, once that is confirmed', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}/r/core/v1/nodes/_/${NODE}`);
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(page.getByRole('dialog', { name: `Remove ${NODE} from the cluster?` })).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('button', { name: 'Delete', exact: true })).toHaveCount(0);
});

test('an operation that fails is told wherever one looks', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}/images`);
  await page.getByRole('textbox', { name: 'Load images' }).fill('no-such:image');
  await page.getByRole('button', { name: 'Load images' }).click();
  await page.getByRole('link', { name: 'Metrics' }).click();
  await expect(page.getByRole('region', { name: 'Messages' })).toContainText(
    `Load no-such:image into ${CLUSTER}: the Docker engine has no image`,
  );
});

test('a debug container joins a running pod', async ({ page }) => {
  await page.goto(`${object('core/v1/pods', samplePod())}?view=shell`);
  await page.getByRole('button', { name: 'Debug container…' }).click();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await expect(page.getByRole('combobox', { name: 'Container' })).toHaveValue('debugger-1');
  await expect(page.getByText('Connected')).toBeVisible();
  await type(page, 'echo $((40 + 2))-and-more');
  await expect(page.locator('.xterm-rows')).toContainText('42-and-more');
});

test('a pod that waits says why, and so does the overview', async ({ page }) => {
  apply(`{apiVersion: v1, kind: Pod, metadata: {name: never}, spec: ${runs('true')}, nodeSelector: {no: such}}}`);
  for (const path of [object('core/v1/pods', 'never'), `/c/${CLUSTER}`]) {
    await page.goto(path);
    await expect(page.getByText("didn't match Pod's node affinity/selector").first()).toBeVisible();
    await expect(page.getByRole('row', { name: NODE })).toContainText("didn't match Pod's node affinity/selector");
  }
  kubectl('delete', 'pod', 'never');
  await expect(page.getByText('Nothing to do')).toBeVisible();
});

test('logs of pods that come later are merged in, and those of pods that went stay', async ({ page }) => {
  apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: talkers}
spec:
  replicas: 2
  selector: {matchLabels: {app: talkers}}
  template: {metadata: {labels: {app: talkers}}, spec: ${runs('echo begin of $HOSTNAME; sleep 3600')}}}
`);
  await page.goto(`${object('apps/v1/deployments', 'talkers')}?view=logs`);
  await expect(page.getByText('begin of')).toHaveCount(2);
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  const pod = kubectl('get', 'pods', '-lapp=talkers', '-o', 'jsonpath={.items[0].metadata.name}');
  kubectl('delete', 'pod', pod);
  await expect(page.getByText('begin of')).toHaveCount(3);
  await expect(page.getByText(`begin of ${pod}`)).toBeVisible();
  kubectl('delete', 'deployment', 'talkers');
});

test('an edit goes back to any version that the cluster remembers', async ({ page }) => {
  const write = (value: string) =>
    kubectl('patch', 'configmap', 'undone', '--type=merge', '-p', `{"data":{"a":"${value}"}}`);
  const value = () => kubectl('get', 'configmap', 'undone', '-o', 'jsonpath={.data.a}');
  kubectl('create', 'configmap', 'undone', '--from-literal=a=one');
  write('two');
  write('three');
  await page.goto(`${object('core/v1/configmaps', 'undone')}?view=yaml`);
  await expect(page.locator('.cm-content')).toContainText('a: three');
  write('four');
  await expect(page.locator('.cm-content')).toContainText('a: four');
  const versions = page.getByRole('combobox', { name: 'Back to an earlier version' });
  // Its own words, and three, two and one.
  await expect(versions.getByRole('option')).toHaveCount(4);
  await versions.selectOption({ index: 3 });
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(value).toBe('one');
  kubectl('delete', 'configmap', 'undone');
});

test('a folder is followed: what is saved is applied, what is wrong is told, what goes is removed', async ({
  page,
}) => {
  const folder = mkdtempSync(join(tmpdir(), 'devcluster-e2e-'));
  const write = (name: string, data: string) =>
    writeFileSync(join(folder, name), `{apiVersion: v1, kind: ConfigMap, metadata: {name: synced}, ${data}}\n`);
  const synced = () => kubectl('get', 'configmap', 'synced', '--ignore-not-found', '-o', 'jsonpath={.data.a}');
  write('one.yaml', 'data: {a: one}');
  await page.goto(`/c/${CLUSTER}/sync?ns=dashboard`);
  await page.getByRole('textbox', { name: 'Folder or file' }).fill(folder);
  await page.getByRole('button', { name: 'Follow it' }).click();
  await expect.poll(synced).toBe('one');
  write('one.yaml', 'data: {a: two}');
  await expect.poll(synced).toBe('two');
  write('one.yaml', 'datta: {a: three}');
  await expect(page.getByRole('alert')).toContainText('unknown field "datta"');
  expect(synced()).toBe('two');
  rmSync(join(folder, 'one.yaml'));
  await expect.poll(synced).toBe('');
  await page.getByRole('button', { name: 'Stop following' }).click();
  await expect(page.getByText('No folder is followed')).toBeVisible();
  rmSync(folder, { recursive: true });
});

test('an archive of docker save comes into the nodes from the page', async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), 'archive-'));
  const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' });
  const image = 'devcluster-e2e/saved:1';
  // A small image of its own: one file of an archive that Docker imports.
  writeFileSync(join(folder, 'note.txt'), 'hello');
  execFileSync('tar', ['-cf', join(folder, 'root.tar'), '-C', folder, 'note.txt']);
  docker('import', join(folder, 'root.tar'), image);
  docker('save', '-o', join(folder, 'saved.tar'), image);
  await page.goto(`/c/${CLUSTER}/images`);
  await expect(page.getByRole('cell', { name: 'devcluster/busybox:1' })).toBeVisible();
  await page.locator('main input[type=file]').setInputFiles(join(folder, 'saved.tar'));
  await expect(page.getByText(`Loaded into all nodes: ${image}`)).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: image })).toContainText('all nodes');
  await page.locator('main input[type=file]').setInputFiles(join(folder, 'note.txt'));
  await expect(page.getByRole('region', { name: 'Messages' }).getByText('docker load')).toBeVisible();
  docker('image', 'rm', image);
  rmSync(folder, { recursive: true });
});
