import { apply, CLUSTER, expect, kubectl, list, NAMESPACE, object, row, sample, test } from './dashboard';

test.beforeAll(sample);

test('a list is filtered as k9s does it', async ({ page }) => {
  const table: [filter: string, shown: string[], hidden: string[]][] = [
    ['web', ['web-'], ['kube-root-ca']],
    ['!web', ['settings'], ['web-']],
    ['/^settings /', ['settings'], ['kube-root-ca']],
    ['name:settings data:1', ['settings'], ['kube-root-ca']],
    ['-l app=nobody', [], ['settings']],
    // No escape of an address, which would be the letter A.
    ['%41', [], ['settings']],
  ];
  for (const [filter, shown, hidden] of table) {
    const kind = shown[0] === 'web-' ? 'pods' : 'configmaps';
    await page.goto(`${list(`core/v1/${kind}`)}&q=${encodeURIComponent(filter)}`);
    for (const name of shown) await expect(row(page, name).first(), filter).toBeVisible();
    if (shown.length === 0) await expect(page.getByText('Nothing fits the filter')).toBeVisible();
    for (const name of hidden) await expect(row(page, name), filter).toHaveCount(0);
  }
  await page.keyboard.press('?');
  await expect(page.getByText('-l app=web,tier!=db')).toBeVisible();
});

test('the address holds how a log is looked at, on a page and in a panel below', async ({ page }) => {
  await page.goto(`${object('apps/v1/deployments', 'web')}?view=logs`);
  const panel = page.getByRole('main').getByRole('region', { name: 'Logs' });
  await panel.getByRole('searchbox', { name: 'Search' }).fill('listening');
  await panel.getByRole('button', { name: 'Errors' }).click();
  await panel.getByRole('checkbox', { name: 'Wrap' }).check();
  await expect(page).toHaveURL(/panel=query%3Dlistening%26severities%3Derror%26wrap%3Dtrue/);
  await page.reload();
  await expect(panel.getByRole('searchbox', { name: 'Search' })).toHaveValue('listening');
  await expect(panel.getByRole('button', { name: 'Errors' })).toHaveAttribute('aria-pressed', 'true');
  await expect(panel.getByRole('checkbox', { name: 'Wrap' })).toBeChecked();
  await page.getByRole('tab', { name: 'Overview' }).click();
  await expect(page).not.toHaveURL(/panel=/);

  await page.getByRole('button', { name: 'Logs', exact: true }).click();
  const dock = page.getByRole('region', { name: 'Panels' });
  await dock.getByRole('searchbox', { name: 'Search' }).fill('gold;~&');
  await page.reload();
  await expect(dock.getByRole('searchbox', { name: 'Search' })).toHaveValue('gold;~&');
});

test('the address holds the map as a list and what is measured', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}/map?ns=${NAMESPACE}`);
  await page.getByRole('button', { name: 'Show as list' }).click();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Show as map' })).toBeVisible();

  await page.goto(`/c/${CLUSTER}/metrics`);
  const measured = page.getByRole('combobox', { name: 'What is measured' });
  await expect(measured).toHaveValue('nodes');
  await measured.selectOption('namespaces');
  const cpu = page.getByRole('figure', { name: 'CPU (cores)' });
  await expect(cpu.getByRole('rowheader', { name: NAMESPACE })).toBeVisible();
  await page.getByRole('combobox', { name: 'How far back' }).selectOption('Last 10m');
  await page.reload();
  await expect(measured).toHaveValue('namespaces');
  await expect(page.getByRole('combobox', { name: 'How far back' })).toHaveValue('10');
  await page.goto(`/c/${CLUSTER}/metrics?ns=${NAMESPACE}`);
  await expect(measured).toHaveValue('pods');
  await expect(cpu.getByRole('rowheader', { name: /web-/ }).first()).toBeVisible();
  await expect(cpu.getByRole('rowheader', { name: 'All together' })).toBeVisible();
  await expect(cpu.getByRole('rowheader', { name: `${CLUSTER}-` })).toHaveCount(0);
});

test('a link leads to a file in a folder of a volume', async ({ page }) => {
  apply(`
apiVersion: v1
kind: Pod
metadata: {name: keeper}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: devcluster/busybox:1
    command: [sh, -c, 'mkdir -p /data/a/b; echo deep > /data/a/b/c.txt; sleep 3600']
    volumeMounts: [{name: disk, mountPath: /data}]
  volumes: [{name: disk, persistentVolumeClaim: {claimName: disk}}]
`);
  kubectl('wait', '--for=condition=Ready', 'pod/keeper', '--timeout=60s');
  await page.goto(`${object('core/v1/persistentvolumeclaims', 'disk')}?view=files`);
  await page.getByRole('button', { name: 'a', exact: true }).click();
  await page.getByRole('button', { name: 'b', exact: true }).click();
  await page.getByText('c.txt').click();
  await expect(page.locator('.cm-content')).toContainText('deep');
  await page.reload();
  await expect(page.locator('.cm-content')).toContainText('deep');
  await expect(page.getByText('/a/b', { exact: true })).toBeVisible();
  kubectl('delete', 'pod', 'keeper');
});

test('rollouts and restarts stand beside the events, and lead to the logs of their moment', async ({ page }) => {
  apply(`
apiVersion: v1
kind: Pod
metadata: {name: phoenix}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: devcluster/busybox:1
    command: [sh, -c, 'if [ -e /tmp2/x ]; then echo second life; sleep 3600; else touch /tmp2/x; echo first life; exit 3; fi']
    volumeMounts: [{name: t, mountPath: /tmp2}]
  volumes: [{name: t, emptyDir: {}}]
`);
  kubectl('wait', '--for=jsonpath={.status.containerStatuses[0].restartCount}=1', 'pod/phoenix', '--timeout=60s');
  await page.goto(`/c/${CLUSTER}/events?ns=${NAMESPACE}`);
  const item = (text: string) => page.getByRole('listitem').filter({ hasText: text });
  await expect(item('Rollout').filter({ hasText: 'deployment/web' }).first()).toBeVisible();
  const restart = item('Container restarted').filter({ hasText: 'pod/phoenix' });
  await expect(restart).toContainText('Error, 3');
  await restart.getByRole('button', { name: /^Logs of pod\/phoenix/ }).click();
  const log = page.getByRole('region', { name: 'Panels' }).getByRole('log');
  await expect(log).toContainText('first life');
  await expect(log).toContainText('second life');
  await expect(log.getByRole('img', { name: 'Before the last restart' })).toHaveCount(1);
  await page.goto(`${object('apps/v1/deployments', 'web')}?view=events`);
  await expect(item('Rollout').first()).toContainText(/#\d/);
  kubectl('delete', 'pod', 'phoenix');
});

test('a pod that nobody makes anew is replaced to mend it', async ({ page }) => {
  apply(`
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: devcluster/busybox:1
    command: [sleep, "3600"]
    env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: no-such-key}}}]
`);
  await page.goto(object('core/v1/pods', 'bare'));
  await page.getByRole('button', { name: 'Edit it', exact: true }).click();
  const editor = page.locator('.cm-content');
  await expect(editor).toContainText('no-such-key');
  await expect(editor).not.toContainText('kube-api-access');
  await editor.click();
  await page.keyboard.press('Control+f');
  await page.locator('.cm-search [name=search]').fill('no-such-key');
  await page.locator('.cm-search').getByRole('textbox', { name: 'Replace' }).fill('greeting');
  await page.locator('.cm-search').getByRole('button', { name: 'replace all' }).click();
  await page.getByRole('button', { name: 'Replace the pod' }).click();
  await expect(page.getByText('bare was replaced')).toBeVisible();
  kubectl('wait', '--for=condition=Ready', 'pod/bare', '--timeout=60s');
  kubectl('delete', 'pod', 'bare');
});
