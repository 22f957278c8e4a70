import { CLUSTER, devcluster, expect, test } from './dashboard';

/** Not the name that the page would take: that may be somebody's cluster. */
const NAME = `${CLUSTER}-first`;

test.afterAll(() => {
  if (devcluster('list', '-o', 'json').includes(`"${NAME}"`)) devcluster('down', '--name', NAME);
});

test('one click leads from no cluster to a running sample and its tour', async ({ page }) => {
  test.setTimeout(300_000);
  // The machine of the tests has clusters; this page sees none but its own. The filter is in the page itself: one in
  // this process stands between the agent and each document only once the document has asked for it.
  await page.addInitScript((name) => {
    const { addEventListener } = WebSocket.prototype;
    WebSocket.prototype.addEventListener = function (this: WebSocket, type: string, listener: EventListener) {
      addEventListener.call(this, type, (event: Event) => {
        if (!(event instanceof MessageEvent)) return listener.call(this, event);
        const message = JSON.parse(event.data);
        if (message.type === 'clusters')
          message.clusters = message.clusters.filter((cluster: { name: string }) => cluster.name === name);
        listener.call(this, new MessageEvent('message', { data: JSON.stringify(message) }));
      });
    };
  }, NAME);
  await page.route('**/api/clusters', (route) =>
    route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), name: NAME, workers: 1 }) }),
  );
  await page.goto('/');
  await page.getByRole('button', { name: 'Start with the sample' }).click();
  await expect(page.getByText('Nodes Ready')).toBeVisible({ timeout: 120_000 });
  // The cluster is in the list by now, and what was begun goes on in sight, a reload included.
  await page.reload();
  const tour = page.getByRole('complementary', { name: 'Guided tour' });
  const begun = tour.getByRole('heading', { name: '1/6 Pod: what runs' });
  await expect(page.getByRole('heading', { name: `Create cluster ${NAME}` }).or(begun)).toBeVisible();
  await expect(begun).toBeVisible({ timeout: 180_000 });
  await expect(tour.getByRole('link', { name: /^(auth|front)-/ }).first()).toBeVisible();
  const stops = ['ReplicaSets', 'Deployments', 'Services', 'ConfigMaps', 'PersistentVolumeClaims'];
  for (const [index, kind] of stops.entries()) {
    await tour.getByRole('button', { name: 'Next' }).click();
    await expect(tour.getByRole('heading', { name: `${index + 2}/6` })).toBeVisible();
    await expect(page.getByRole('heading', { name: kind, exact: true })).toBeVisible();
    if (kind === 'Services') {
      // A look behind the list does not end the tour, and the sample answers.
      await tour.getByRole('link', { name: 'front', exact: true }).click();
      await expect(page.getByRole('heading', { name: 'Who answers' })).toBeVisible();
      const href = await tour.getByRole('link', { name: "The sample's page" }).getAttribute('href');
      // Its pods may still be starting.
      const status = () =>
        fetch(href ?? '').then(
          (answer) => answer.status,
          () => 0,
        );
      await expect.poll(status, { timeout: 60_000 }).toBe(200);
    }
  }
  await tour.getByRole('button', { name: 'End the tour' }).first().click();
  await expect(tour).toHaveCount(0);
  await page.goto(`/c/${NAME}`);
  await expect(page.getByText('Nothing to do')).toBeVisible();
  await expect(page.getByText('New to Kubernetes?')).toHaveCount(0);
});
