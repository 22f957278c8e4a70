import { apply, expect, kubectl, object, sample, test } from './dashboard';

test.beforeAll(sample);

test('the page of a service with a node port tells where it answers on this machine', async ({ page, request }) => {
  await page.goto(object('core/v1/services', 'outside'));
  const address = page.getByRole('link', { name: /^localhost:\d+ → 80/ });
  expect((await request.get((await address.getAttribute('href')) ?? '')).status()).toBe(200);
});

test('a port is forwarded to this machine, and answers when other pods have come', async ({ page, request }) => {
  await page.goto(`${object('core/v1/services', 'web')}?view=forwards`);
  await page.getByRole('button', { name: 'Forward', exact: true }).click();
  const address = page.getByRole('link', { name: /localhost/ }).first();
  const url = (await address.getAttribute('href')) ?? '';
  // Each request is a connection of its own.
  const status = async () => (await request.get(url, { headers: { connection: 'close' } })).status();
  expect(await status()).toBe(200);
  kubectl('delete', 'pod', '-lapp=web');
  kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
  // One that leads to a pod on its way out is cut off.
  await expect.poll(() => status().catch(() => 0)).toBe(200);
  await expect(page.getByText('Answers')).toBeVisible();
  await page.getByRole('button', { name: 'Remove the forward to' }).click();
  await expect(page.getByText('No ports are forwarded')).toBeVisible();
});

test('a forward to a service without a ready pod says so, and answers when one has become ready', async ({ page }) => {
  const hello = 'containers: [{name: main, image: "devcluster/cats-for-gold:v1", args: [front]}]';
  apply(
    `{apiVersion: v1, kind: Service, metadata: {name: lonely}, spec: {selector: {app: lonely}, ports: [{port: 80}]}}`,
  );
  await page.goto(`${object('core/v1/services', 'lonely')}?view=forwards`);
  await page.getByRole('button', { name: 'Forward', exact: true }).click();
  await expect(page.getByText('no pod behind it is ready')).toBeVisible();
  await expect(page.getByText('Answers', { exact: true })).toBeHidden();
  apply(`{apiVersion: v1, kind: Pod, metadata: {name: lonely, labels: {app: lonely}}, spec: {${hello}}}`);
  await expect(page.getByText('Answers', { exact: true })).toBeVisible();
  kubectl('delete', 'pod', 'lonely', '--now');
  await expect(page.getByText('no pod behind it is ready')).toBeVisible();
  await page.getByRole('button', { name: 'Remove the forward to' }).click();
  await expect(page.getByText('No ports are forwarded')).toBeVisible();
});

test('a forward to a deployment waits until one of its pods is ready', async ({ page, request }) => {
  const workload = (replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: slow}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: slow}}
  template:
    metadata: {labels: {app: slow}}
    spec: {containers: [{name: main, image: "devcluster/cats-for-gold:v1", args: [front], ports: [{containerPort: 8080}]}]}
`;
  apply(workload(0));
  await page.goto(object('apps/v1/deployments', 'slow'));
  await page.getByRole('button', { name: 'Forward a port' }).click();
  await expect(page.getByLabel('Port', { exact: true })).toHaveValue('8080');
  await page.getByRole('button', { name: 'Forward', exact: true }).click();
  await expect(page.getByText('no pod behind it is ready')).toBeVisible();
  await expect(page.getByText('Answers', { exact: true })).toBeHidden();
  apply(workload(1));
  await expect(page.getByText('Answers', { exact: true })).toBeVisible();
  const address = page.getByRole('link', { name: /localhost/ }).first();
  expect((await request.get((await address.getAttribute('href')) ?? '')).status()).toBe(200);
  await page.getByRole('button', { name: 'Remove the forward to' }).click();
  kubectl('delete', 'deployment', 'slow');
});
