import type { Page } from '@playwright/test';
import { apply, expect, kubectl, list, object, row, sample, samplePod, test } from './dashboard';

test.beforeAll(sample);

/** Types at the end of the editor's line that has the text. */
async function append(page: Page, line: string, text: string) {
  await page.locator('.cm-line', { hasText: line }).first().click();
  await page.keyboard.press('End');
  await page.keyboard.type(text);
}

async function save(page: Page) {
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Same as in the cluster')).toBeVisible();
  await expect(page.locator('.cm-content')).toBeFocused();
}

const value = (kind: string, name: string, path: string) => kubectl('get', kind, name, '-o', `jsonpath=${path}`);

test('YAML of a pod, a service and a claim is edited, reviewed and saved', async ({ page }) => {
  const pod = samplePod();
  for (const [kind, resource, name] of [
    ['pod', 'core/v1/pods', pod],
    ['service', 'core/v1/services', 'web'],
    ['pvc', 'core/v1/persistentvolumeclaims', 'disk'],
  ] as const) {
    kubectl('label', kind, name, 'edited=no', '--overwrite');
    await page.goto(`${object(resource, name)}?view=yaml`);
    await append(page, 'edited: ', 't');
    await save(page);
    expect(value(kind, name, '{.metadata.labels.edited}')).toBe('not');
  }
});

test('what a save would change is shown line by line, the unchanged rest folded away', async ({ page }) => {
  await page.goto(`${object('apps/v1/deployments', 'web')}?view=yaml`);
  await append(page, 'revisionHistoryLimit: ', '1');
  await page.getByRole('button', { name: 'Review and save' }).click();
  const changed = page.locator('.cm-changedLine');
  await expect(changed).toHaveText(/revisionHistoryLimit: 101/);
  await expect(page.locator('.cm-deletedLine')).toHaveText(/revisionHistoryLimit: 10$/);
  await expect(page.locator('.cm-collapsedLines').first()).toBeVisible();
  expect((await changed.boundingBox())?.height).toBeLessThan(30);
});

test('a change in the cluster is merged into an edit, and a conflict is decided, not lost', async ({ page }) => {
  kubectl('create', 'configmap', 'contested', '--from-literal=greeting=hello');
  await page.goto(`${object('core/v1/configmaps', 'contested')}?view=yaml`);
  await append(page, 'greeting: ', ' mine');
  kubectl('patch', 'configmap', 'contested', '--type=merge', '-p', '{"data":{"other":"theirs"}}');
  await expect(page.locator('.cm-content')).toContainText('other: theirs');
  await expect(page.locator('.cm-content')).toContainText('greeting: hello mine');
  kubectl('patch', 'configmap', 'contested', '--type=merge', '-p', '{"data":{"greeting":"theirs"}}');
  await expect(page.getByText('You and the cluster changed the same fields')).toBeVisible();
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await save(page);
  expect(value('configmap', 'contested', '{.data}')).toBe('{"greeting":"hello mine","other":"theirs"}');
  kubectl('delete', 'configmap', 'contested');
});

test('a conflict that comes while a save is looked at is decided before it', async ({ page }) => {
  kubectl('create', 'configmap', 'reviewed', '--from-literal=greeting=hello');
  await page.goto(`${object('core/v1/configmaps', 'reviewed')}?view=yaml`);
  await append(page, 'greeting: ', ' mine');
  await page.getByRole('button', { name: 'Review and save' }).click();
  await expect(page.getByRole('button', { name: 'Save', exact: true })).toBeVisible();
  kubectl('patch', 'configmap', 'reviewed', '--type=merge', '-p', '{"data":{"greeting":"theirs"}}');
  await expect(page.getByText('You and the cluster changed the same fields')).toBeVisible();
  // Nor is it forgotten when the page is left.
  await page.reload();
  await expect(page.getByText('You and the cluster changed the same fields')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Review and save' })).toBeDisabled();
  await page.getByRole('button', { name: "Take the cluster's" }).click();
  await expect(page.getByText('Same as in the cluster')).toBeVisible();
  expect(value('configmap', 'reviewed', '{.data.greeting}')).toBe('theirs');
  kubectl('delete', 'configmap', 'reviewed');
});

test('the value of a key keeps the ends of its lines, and its edit survives its page', async ({ page }) => {
  kubectl('create', 'configmap', 'windows', '--from-literal=greeting=a\r\nb\r\nc');
  await page.goto(object('core/v1/configmaps', 'windows'));
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('x');
  await expect(page.getByText('1 key changed')).toBeVisible();
  await page.reload();
  await expect(page.getByText('Your unsaved edit')).toBeVisible();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(() => value('configmap', 'windows', '{.data.greeting}')).toBe('xa\r\nb\r\nc');
  kubectl('delete', 'configmap', 'windows');
});

test('a change that the text does not show does not hold up a save, and is kept', async ({ page }) => {
  kubectl('create', 'configmap', 'moving', '--from-literal=greeting=hello');
  const hidden = 'kubectl.kubernetes.io/last-applied-configuration';
  const met: string[] = [];
  await page.route('**/configmaps/moving?*', (route) => {
    const step = new URL(route.request().url()).searchParams.get('dryRun') ?? 'save';
    if (route.request().method() === 'PUT' && !met.includes(step)) {
      kubectl('annotate', 'configmap', 'moving', `${hidden}=${step}`, '--overwrite');
      met.push(step);
    }
    return route.continue();
  });
  await page.goto(`${object('core/v1/configmaps', 'moving')}?view=yaml`);
  await append(page, 'greeting: ', ' there');
  await save(page);
  expect(met).toEqual(['All', 'save']);
  expect(value('configmap', 'moving', '{.data.greeting}')).toBe('hello there');
  expect(value('configmap', 'moving', '{.metadata.annotations}')).toBe(JSON.stringify({ [hidden]: 'save' }));
  kubectl('delete', 'configmap', 'moving');
});

test('a key of a ConfigMap is edited, and the running container has it', async ({ page }) => {
  await page.goto(object('core/v1/configmaps', 'settings'));
  // When each pod of the deployment got what it has now, as their nodes tell.
  const times = page.getByRole('region', { name: 'Used by' }).locator('time');
  await expect(times).toHaveCount(2);
  const moments = () => times.evaluateAll((all) => all.map((time) => time.getAttribute('datetime') ?? ''));
  const before = await moments();
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('good day');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(async () => (await moments()).every((moment) => !before.includes(moment))).toBe(true);
  await expect
    .poll(() => kubectl('exec', 'deployment/web', '--', 'sh', '-c', 'cat /etc/settings/greeting'))
    .toBe('good day');
});

test('a value of a secret is hidden until it is shown, and edited in plain text', async ({ page }) => {
  await page.goto(object('core/v1/secrets', 'password'));
  await expect(page.getByText('The value is hidden.')).toBeVisible();
  await expect(page.getByText('s3cret')).toHaveCount(0);
  await page.getByRole('button', { name: 'Show' }).click();
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('changed');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(() => value('secret', 'password', '{.data.password}')).toBe(btoa('changed'));
});

test('an object is created from its template', async ({ page }) => {
  await page.goto(list('core/v1/configmaps'));
  await page.getByRole('button', { name: 'Create' }).first().click();
  await expect(page.locator('.cm-content')).toContainText('name: my-configmap');
  // A draft of one kind is no start of another.
  await expect(page.locator('.cm-content')).toBeFocused();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('# begun');
  await page.goto(list('storage.k8s.io/v1/volumeattachments'));
  await page.getByRole('button', { name: 'Create' }).first().click();
  await expect(page.locator('.cm-content')).toContainText('attacher: ""');
  await page.goto(list('core/v1/configmaps'));
  await page.getByRole('button', { name: 'Create' }).first().click();
  await expect(page.locator('.cm-content')).toContainText('# begun');
  const panel = page.getByRole('region', { name: 'New objects' });
  await panel.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(row(page, 'my-configmap')).toBeVisible();
  // A second one of that name is no creation, and changes nothing unasked.
  await page.getByRole('button', { name: 'Create' }).first().click();
  await panel.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(panel.getByText('exists already')).toBeVisible();
  await expect(panel.getByRole('button', { name: 'Change what is there' })).toBeVisible();
  kubectl('delete', 'configmap', 'my-configmap');
});

test('logs of a workload are merged, and come into the dock by a key that the address keeps', async ({ page }) => {
  kubectl(
    'create',
    'job',
    'talker',
    '--image=devcluster/cats-for-gold:v1',
    '--',
    'sh',
    '-c',
    'echo a word from the job',
  );
  // Beside it there may be one of the sample's nightly jobs.
  await page.goto(`${list('batch/v1/jobs')}&q=talker`);
  await expect(row(page, 'talker')).toBeVisible();
  await page.getByRole('grid').focus();
  await page.keyboard.press('l');
  await expect(page.getByText('a word from the job')).toBeVisible();
  await page.reload();
  await expect(page.getByText('a word from the job')).toBeVisible();
  kubectl('delete', 'job', 'talker');
});

test('the palette goes elsewhere, and the panels stay open', async ({ page }) => {
  await page.goto(`${list('apps/v1/deployments')}&q=web`);
  await expect(row(page, 'web').first()).toBeVisible();
  await page.getByRole('grid').focus();
  await page.keyboard.press('l');
  await expect(page.getByRole('tab', { name: 'Logs · web' })).toBeVisible();
  await page.getByRole('button', { name: 'Jump to anything' }).click();
  await page.keyboard.type('svc');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Services', exact: true })).toBeVisible();
  await expect(page.getByRole('tab', { name: 'Logs · web' })).toBeVisible();
  expect(new URL(page.url()).searchParams.get('ns')).toBe('dashboard');
});

test('on the page of an object the keys of lists do what they do there', async ({ page }) => {
  await page.goto(object('apps/v1/deployments', 'web'));
  await expect(page.getByRole('heading', { name: 'web', exact: true })).toBeVisible();
  // Before the object is there, nothing can be done with it.
  await expect(page.getByRole('button', { name: 'Scale' })).toBeEnabled();
  await page.keyboard.press('l');
  await expect(page.getByRole('tab', { name: 'Logs · web' })).toBeVisible();
  const edge = page.getByRole('separator');
  const before = Number(await edge.getAttribute('aria-valuenow'));
  await edge.press('ArrowUp');
  await expect.poll(async () => Number(await edge.getAttribute('aria-valuenow'))).toBeGreaterThan(before);
});

test('a shell runs in a container', async ({ page }) => {
  await page.goto(list('core/v1/pods'));
  await row(page, 'web-').first().getByRole('link').click();
  await page.getByRole('tab', { name: 'Shell' }).click();
  await expect(page.getByText('Connected')).toBeVisible();
  await page.locator('.xterm').click();
  await page.keyboard.type('echo $((40 + 2))-and-more');
  await page.keyboard.press('Enter');
  await expect(page.locator('.xterm-rows')).toContainText('42-and-more');
  // The keyboard comes in, and out again.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  await expect(page.locator('.xterm-helper-textarea')).not.toBeFocused();
});

test('a shell goes into the next run of its container, and what was said before stays', async ({ page }) => {
  const command = '[sh, -c, "trap exit TERM; while :; do sleep 1; done"]';
  apply(
    `{apiVersion: v1, kind: Pod, metadata: {name: reborn}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: "devcluster/busybox:1", command: ${command}}]}}`,
  );
  kubectl('wait', '--for=condition=Ready', 'pod/reborn', '--timeout=60s');
  await page.goto(`${object('core/v1/pods', 'reborn')}?view=shell`);
  const screen = page.locator('.xterm-rows');
  const type = async (line: string) => {
    await expect(page.getByText('Connected')).toBeVisible();
    await page.locator('.xterm').click();
    await page.keyboard.type(line);
    await page.keyboard.press('Enter');
  };
  await type('echo first-$((40 + 2)); kill 1');
  await expect.poll(() => value('pod', 'reborn', '{.status.containerStatuses[0].restartCount}')).toBe('1');
  await type('echo second-$((40 + 3))');
  await expect(screen).toContainText('second-43');
  await expect(screen).toContainText('first-42');
  kubectl('delete', 'pod', 'reborn');
});

test('a deployment is rolled back to an earlier revision', async ({ page }) => {
  kubectl('set', 'env', 'deployment/web', 'VERSION=next');
  kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
  await page.goto(`${object('apps/v1/deployments', 'web')}?view=rollout`);
  await page.getByRole('button', { name: 'Go back to' }).click();
  await expect.poll(() => value('deployment', 'web', '{.spec.template.spec.containers[0].env}')).toBe('');
});

test('a workload with a single revision offers no way back', async ({ page }) => {
  apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: once}
spec:
  replicas: 0
  selector: {matchLabels: {app: once}}
  template: {metadata: {labels: {app: once}}, spec: {containers: [{name: main, image: "devcluster/busybox:1"}]}}
`);
  await page.goto(`${object('apps/v1/deployments', 'once')}?view=rollout`);
  await expect(page.getByText('This is its only revision')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Go back to' })).toHaveCount(0);
  kubectl('delete', 'deployment', 'once');
});

test('where less motion is wanted a click hits the line in the editor that is seen there', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(`${object('apps/v1/deployments', 'web')}?view=yaml`);
  await page.locator('.cm-line', { hasText: 'revisionHistoryLimit' }).click();
  await expect(page.locator('.cm-activeLine')).toContainText('revisionHistoryLimit');
});

test('a new line in the editor begins where the block of the line before it does', async ({ page }) => {
  await page.goto(`${object('apps/v1/deployments', 'web')}?view=yaml`);
  await page.locator('.cm-line').getByText('template', { exact: true }).click();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.keyboard.type('x');
  await expect.poll(() => page.locator('.cm-activeLine').evaluate((line) => line.textContent)).toBe('    x');
  await page.getByRole('button', { name: 'Discard edit' }).click();
});
