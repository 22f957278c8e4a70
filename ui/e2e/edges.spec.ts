import { createSocket } from 'node:dgram';
import { apply, CLUSTER, expect, kubectl, list, object, row, sample, test } from './dashboard';

test.beforeAll(sample);

test('the page of an object with a dot in its name opens from its address', async ({ page }) => {
  await page.goto(object('core/v1/configmaps', 'kube-root-ca.crt'));
  await expect(page.getByRole('heading', { name: 'kube-root-ca.crt' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'kube-root-ca.crt' })).toBeVisible();
});

test('the keyboard skips header and navigation, and sorts', async ({ page }) => {
  await page.goto(list('core/v1/pods'));
  await expect(row(page, 'web-')).toHaveCount(2);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the page' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#page')).toBeFocused();
  const status = page.getByRole('columnheader', { name: 'Status' });
  for (let stops = 0; stops < 20 && !(await status.getByRole('button').evaluate((b) => b.matches(':focus'))); stops++)
    await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(status).toHaveAttribute('aria-sort', 'ascending');
});

test('on a phone a row has its menu in reach', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(list('core/v1/pods'));
  const button = row(page, 'web-').first().getByRole('button', { name: 'Actions' });
  await expect(button).toBeInViewport({ ratio: 1 });
  await button.click();
  await expect(page.getByRole('menuitem', { name: 'Logs' })).toBeVisible();
});

test('a long name of an image breaks instead of sticking out', async ({ page }) => {
  const image = `registry.invalid/${'team/'.repeat(12)}image-with-a-name:2026.11.27-build.1234567890`;
  kubectl('run', 'far', `--image=${image}`);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`/c/${CLUSTER}?ns=dashboard`);
  const problem = page.getByRole('listitem').filter({ hasText: 'cannot get the image' });
  await expect(problem).toBeVisible();
  expect(await problem.evaluate((element) => element.scrollWidth - element.clientWidth)).toBeLessThanOrEqual(1);
  kubectl('delete', 'pod', 'far', '--now');
});

test('what waits for a finalizer says so and is let go', async ({ page }) => {
  apply('{apiVersion: v1, kind: ConfigMap, metadata: {name: stuck, finalizers: [example.com/never]}}');
  kubectl('delete', 'configmap', 'stuck', '--wait=false');
  await page.goto(list('core/v1/configmaps'));
  await expect(row(page, 'stuck')).toContainText('waits for example.com/never');
  await page.goto(object('core/v1/configmaps', 'stuck'));
  await expect(page.getByText('It is being deleted and waits for example.com/never.')).toBeVisible();
  await page.getByRole('button', { name: 'Delete without waiting…' }).click();
  await page.getByRole('button', { name: 'Remove the finalizers' }).click();
  await expect(page.getByText('stuck is gone')).toBeVisible();
  await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible();
});

test('the deletion of a namespace says what goes with it, and asks for its name', async ({ page }) => {
  kubectl('create', 'namespace', 'goner');
  kubectl('-n', 'goner', 'create', 'configmap', 'inside');
  await page.goto(`/c/${CLUSTER}/r/core/v1/namespaces/_/goner`);
  await page.locator('.page-head').getByRole('button', { name: 'Delete', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByText('With it go')).toContainText('ConfigMaps');
  await expect(dialog.getByRole('button', { name: 'Delete' })).toBeDisabled();
  await dialog.getByRole('textbox').fill('goner');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('goner is gone')).toBeVisible();
});

test('what goes while its page is open stays readable, and what never was is told', async ({ page }) => {
  kubectl('create', 'service', 'clusterip', 'passing', '--tcp=80');
  await page.goto(object('core/v1/services', 'passing'));
  await expect(page.getByText('ClusterIP').first()).toBeVisible();
  kubectl('delete', 'service', 'passing');
  await expect(page.getByText('passing is gone')).toBeVisible();
  await expect(page.getByText('ClusterIP').first()).toBeVisible();
  await page.goto(object('core/v1/services', 'never'));
  await expect(page.getByText('There is no never here.')).toBeVisible();
});

test('a list that the cluster refuses says why, and can be asked for otherwise', async ({ page }) => {
  await page.goto(`${list('core/v1/configmaps')}&l=${encodeURIComponent('a in (')}`);
  await expect(page.getByRole('heading', { name: 'ConfigMaps cannot be listed' })).toBeVisible();
  await expect(page.locator('.empty')).toContainText('unable to parse');
  await page.getByRole('button', { name: 'Show all' }).click();
  await expect(row(page, 'kube-root-ca.crt')).toBeVisible();
  await expect(page.locator('.note')).toHaveCount(0);
});

test('the window is named after its page', async ({ page }) => {
  await page.goto(object('core/v1/configmaps', 'settings'));
  await expect(page).toHaveTitle(`settings · ${CLUSTER} · devcluster`);
  await page.getByRole('navigation', { name: 'Navigation' }).getByRole('link', { name: 'Map', exact: true }).click();
  await expect(page).toHaveTitle(`Map · ${CLUSTER} · devcluster`);
});

test('what the agent says is said in the language of the page', async ({ page }) => {
  apply(`{apiVersion: v1, kind: Pod, metadata: {name: nie}, spec: {nodeSelector: {no: such},
    containers: [{name: main, image: devcluster/busybox:1}]}}`);
  await page.addInitScript(() =>
    localStorage.setItem('devcluster-settings', JSON.stringify({ state: { language: 'de' }, version: 0 })),
  );
  await page.goto(object('core/v1/pods', 'nie'));
  await expect(page.getByText('passt auf keinen von')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Ändern, was der Pod verlangt' })).toBeVisible();
  await page.goto(list('core/v1/pods'));
  await expect(row(page, 'nie')).toContainText('passt auf keinen von');
  kubectl('delete', 'pod', 'nie', '--now');
});

test('a kind that nobody knows shows all its fields', async ({ page }) => {
  apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: oddities.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: oddities, singular: oddity, kind: Oddity, listKind: OddityList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`);
  kubectl('wait', '--for=condition=Established', 'crd/oddities.example.com');
  apply(
    '{apiVersion: example.com/v1, kind: Oddity, metadata: {name: odd}, spec: {"a key / with": yes, deep: {far: [down]}}}',
  );
  await page.goto(object('example.com/v1/oddities', 'odd'));
  await expect(page.getByText('a key / with')).toBeVisible();
  await page.locator('summary', { hasText: '{ "far": [ "down" ] }' }).click();
  await expect(page.locator('dd pre')).toBeVisible();
  kubectl('delete', 'crd', 'oddities.example.com');
});

test('a UDP port of a service answers on this machine', async ({ page }) => {
  apply(`
apiVersion: v1
kind: Service
metadata: {name: names}
spec: {type: NodePort, ports: [{name: dns, port: 53, protocol: UDP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: names, labels: {kubernetes.io/service-name: names}}
addressType: IPv4
ports: [{name: dns, port: 53, protocol: UDP}]
endpoints: [{addresses: [10.96.0.10], conditions: {ready: true}}]
`);
  await page.goto(`/c/${CLUSTER}/forwards`);
  const forward = page.getByRole('row').filter({ hasText: 'service/names:53' });
  await expect(forward).toContainText('UDP');
  await expect(forward).toContainText('127.0.0.1:');
  const [, port] = /127\.0\.0\.1:(\d+)/.exec((await forward.textContent()) ?? '') ?? [];
  // Asks for the address of `kubernetes.default.svc.cluster.local`.
  const labels = ['kubernetes', 'default', 'svc', 'cluster', 'local'];
  const name = Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.of(0),
  ]);
  const question = Buffer.concat([Buffer.of(7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0), name, Buffer.of(0, 1, 0, 1)]);
  const socket = createSocket('udp4');
  const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve));
  // A datagram may be lost: whoever asks for a name by one asks again.
  const asking = setInterval(() => socket.send(question, Number(port), '127.0.0.1'), 500);
  expect((await answer).subarray(0, 2)).toEqual(Buffer.of(7, 7));
  clearInterval(asking);
  socket.close();
  kubectl('delete', 'service', 'names');
});

test('the network of the nodes is drawn once it was counted twice', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}/metrics`);
  const received = page.getByRole('figure', { name: 'Received (per second)' });
  await expect(received.getByRole('row').filter({ hasText: `${CLUSTER}-worker-1` })).toContainText(/\d+ B|KiB|MiB/);
});

test('what was measured before is drawn before anything is measured anew', async ({ page }) => {
  const heard: { type: string; view: number; points?: unknown[] }[] = [];
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => void heard.push(JSON.parse(String(payload)))),
  );
  const cpu = page.getByRole('figure', { name: 'CPU (cores)' });
  for (const visit of [1, 2]) {
    heard.length = 0;
    await page.goto(`/c/${CLUSTER}/metrics`);
    await expect(cpu.getByRole('row').filter({ hasText: `${CLUSTER}-worker-1` }), `visit ${visit}`).toBeVisible();
  }
  const metrics = heard.find(({ type }) => type === 'metrics');
  const first = heard.find(({ view }) => view === metrics?.view);
  expect(first?.type).toBe('metrics');
  expect(first?.points?.length).toBeGreaterThan(0);
});

test('of a cluster that stops, what was seen stays below a way to start it', async ({ page }) => {
  // As it stands in each message of the agent: another cluster that comes or goes makes it tell all of them again.
  let state = 'running';
  let masters = 'running';
  let tell = () => {};
  await page.routeWebSocket(/\/api\/ws/, (socket) => {
    socket.connectToServer().onMessage((message) => {
      const told = JSON.parse(String(message));
      if (told.type !== 'clusters') return socket.send(message);
      tell = () => {
        const ofNode = (node: { role: string }) => (node.role === 'master' ? { ...node, state: masters } : node);
        const clusters = told.clusters.map((cluster: { nodes: { role: string }[] }) => ({
          ...cluster,
          state,
          nodes: cluster.nodes.map(ofNode),
        }));
        socket.send(JSON.stringify({ ...told, clusters }));
      };
      tell();
    });
  });
  await page.goto(list('core/v1/pods'));
  await expect(row(page, 'web-')).toHaveCount(2);
  state = 'stopped';
  tell();
  await expect(page.getByRole('status').filter({ hasText: `${CLUSTER} is stopped` })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeVisible();
  await expect(row(page, 'web-')).toHaveCount(2);
  // Without a master it is of no use though other nodes run.
  state = 'partial';
  masters = 'exited';
  tell();
  await expect(page.getByRole('status').filter({ hasText: `${CLUSTER} is partly running` })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeVisible();
  state = 'running';
  masters = 'running';
  tell();
  await expect(page.getByText(`${CLUSTER} is partly running`)).toHaveCount(0);
});
