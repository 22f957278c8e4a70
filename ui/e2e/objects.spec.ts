import { apply, CLUSTER, expect, kubectl, list, NAMESPACE, object, row, sample, test } from './dashboard';

test.beforeAll(sample);

test('a list follows the cluster: what kubectl makes and deletes comes and goes', async ({ page }) => {
  await page.goto(list('core/v1/configmaps'));
  await expect(row(page, 'settings')).toBeVisible();
  kubectl('create', 'configmap', 'passing');
  await expect(row(page, 'passing')).toBeVisible();
  kubectl('delete', 'configmap', 'passing');
  await expect(row(page, 'passing')).toHaveCount(0);
});

test('the focused row stays with its object when others come above it', async ({ page }) => {
  kubectl('create', 'configmap', 'row-m');
  await page.goto(`${list('core/v1/configmaps')}&q=row-`);
  await expect(row(page, 'row-m')).toBeVisible();
  await page.getByRole('grid').focus();
  kubectl('create', 'configmap', 'row-a');
  await expect(row(page, 'row-a')).toBeVisible();
  await page.keyboard.press('Delete');
  await expect(page.getByRole('dialog')).toContainText('row-m');
  await page.keyboard.press('Escape');
  kubectl('delete', 'configmap', 'row-a', 'row-m');
});

test('a list is filtered, sorted and given columns, and its address brings all of it back', async ({ page }) => {
  await page.goto(list('core/v1/pods'));
  await expect(row(page, 'web-')).toHaveCount(2);
  await page.getByRole('searchbox', { name: 'Filter' }).fill('no such pod');
  await expect(page.getByText('Nothing fits the filter')).toBeVisible();
  await page.getByRole('searchbox', { name: 'Filter' }).fill('web');
  await page.getByRole('button', { name: 'Name', exact: true }).click();
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('textbox', { name: 'Label' }).fill('app');
  await page.getByRole('button', { name: 'Add' }).click();
  await page.keyboard.press('Escape');
  await page.reload();
  await expect(page.getByRole('columnheader', { name: 'app' })).toBeVisible();
  await expect(page.getByRole('columnheader', { name: 'Name', exact: true })).toHaveAttribute('aria-sort', 'ascending');
  await expect(row(page, 'web-')).toHaveCount(2);
});

test('pods are sorted by what they use, the greediest first', async ({ page }) => {
  await page.goto(list('core/v1/pods'));
  const memory = page.getByRole('columnheader', { name: 'Memory' });
  await memory.getByRole('button').click();
  await expect(memory).toHaveAttribute('aria-sort', 'descending');
  apply(GREEDY);
  // Twice until it was measured and looked at.
  await expect(page.getByRole('row').nth(1)).toContainText('greedy', { timeout: 60_000 });
  await memory.getByRole('button').click();
  await expect(page.getByRole('row').last()).toContainText('greedy');
  kubectl('delete', 'pod', 'greedy');
});

/** A shell that keeps more in its memory than anything else here. */
const GREEDY = `
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: devcluster/busybox:1
    command: [sh, -c, 'x=$(head -c 30000000 /dev/zero | tr "\\0" x); sleep 3600; true']
`;

test('a pod tells its containers, its owner and its events', async ({ page }) => {
  await page.goto(list('core/v1/pods'));
  await row(page, 'web-').first().getByRole('link').click();
  await expect(page.getByRole('heading', { name: 'Containers' })).toBeVisible();
  await expect(page.getByText('Running').first()).toBeVisible();
  await expect(page.getByText('ReplicaSet', { exact: true })).toBeVisible();
  await page.getByRole('tab', { name: 'Events' }).click();
  await expect(page.getByText('Started').first()).toBeVisible();
});

test('the page of a pod leads to what it mounts: the keys of a ConfigMap, the files of a claim', async ({ page }) => {
  apply(`
apiVersion: v1
kind: Pod
metadata: {name: mounting}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: devcluster/busybox:1
    command: [sleep, "3600"]
    volumeMounts: [{name: disk, mountPath: /data}, {name: words, mountPath: /words, readOnly: true}]
  volumes: [{name: disk, persistentVolumeClaim: {claimName: disk}}, {name: words, configMap: {name: settings}}]
`);
  const volumes = page.locator('section').filter({ has: page.getByRole('heading', { name: 'Volumes' }) });
  await page.goto(object('core/v1/pods', 'mounting'));
  await expect(volumes.getByRole('row', { name: 'words' })).toContainText('/words');
  await volumes.getByRole('link', { name: 'settings' }).click();
  await expect(page.getByRole('button', { name: /^greeting/ })).toBeVisible();
  await page.goBack();
  await volumes.getByRole('link', { name: 'disk' }).click();
  await expect(page.getByRole('tab', { name: 'Files', selected: true })).toBeVisible();
  kubectl('delete', 'pod', 'mounting');
});

test('a service tells who answers behind it, an ingress as well', async ({ page }) => {
  for (const kind of ['core/v1/services', 'networking.k8s.io/v1/ingresses']) {
    await page.goto(object(kind, 'web'));
    await expect(page.getByText('Gets traffic')).toHaveCount(2);
  }
});

test('a workload is scaled and restarted', async ({ page }) => {
  await page.goto(object('apps/v1/deployments', 'web'));
  await expect(page.getByRole('button', { name: 'Scale' })).toBeEnabled();
  await page.keyboard.press('c');
  await expect(page.getByRole('spinbutton')).toHaveValue('2');
  await page.keyboard.type('3');
  await page.keyboard.press('Enter');
  await expect(page.getByText('3 / 3')).toBeVisible();
  kubectl('scale', 'deployment/web', '--replicas=2');
  await expect(page.getByText('2 / 2')).toBeVisible();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Restart' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Restart' }).click();
  await expect(page.getByText('restart begun')).toBeVisible();
  kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
});

test('a cron job is suspended and resumed', async ({ page }) => {
  await page.goto(object('batch/v1/cronjobs', 'nightly'));
  await page.getByRole('button', { name: 'Suspend' }).click();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  expect(kubectl('get', 'cronjob', 'nightly', '-o', 'jsonpath={.spec.suspend}')).toBe('true');
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('button', { name: 'Suspend' })).toBeVisible();
});

test('what uses a ConfigMap or a secret is told', async ({ page }) => {
  await page.goto(`${object('core/v1/configmaps', 'settings')}?view=overview`);
  await expect(page.getByText('/etc/settings').first()).toBeVisible();
  await page.goto(`${object('core/v1/secrets', 'password')}?view=overview`);
  await expect(page.getByText('all keys as environment').first()).toBeVisible();
});

test('a click selects a row, and its button opens what can be done with it', async ({ page }) => {
  await page.goto(list('core/v1/configmaps'));
  await row(page, 'settings').click();
  await expect(row(page, 'settings')).toHaveAttribute('aria-selected', 'true');
  await expect(page.getByRole('menu')).toHaveCount(0);
  await expect(page.getByRole('toolbar', { name: 'Selection' })).toBeVisible();
  await row(page, 'settings').getByRole('button').click();
  await expect(page.getByRole('menuitem', { name: 'Copy name' })).toBeVisible();
});

test('many are selected by keyboard and deleted at once', async ({ page }) => {
  for (const name of ['many-1', 'many-2', 'many-3']) kubectl('create', 'configmap', name);
  await page.goto(`${list('core/v1/configmaps')}&q=many`);
  await expect(row(page, 'many-')).toHaveCount(3);
  await page.getByRole('grid').focus();
  await page.keyboard.press('Control+a');
  await expect(page.getByText('3 selected')).toBeVisible();
  await page.keyboard.press('Delete');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('Nothing fits the filter').or(page.getByText('No ConfigMaps here'))).toBeVisible();
});

test('Shift selects all rows from one to another, those between them that were never in sight too', async ({
  page,
}) => {
  const name = (index: number) => `range-${String(index).padStart(3, '0')}`;
  const map = (index: number) =>
    `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name(index)}, labels: {in: range}}}`;
  apply(Array.from({ length: 400 }, (_, index) => map(index)).join('\n---\n'));
  await page.goto(`${list('core/v1/configmaps')}&q=range`);
  await row(page, name(0)).click();
  await page.getByRole('grid').evaluate((grid) => grid.scrollTo(0, grid.scrollHeight));
  await row(page, name(399)).click({ modifiers: ['Shift'] });
  await expect(page.getByText('400 selected')).toBeVisible();
  await page.getByRole('grid').focus();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Home');
  await expect(row(page, name(0))).toBeVisible();
  await page.keyboard.press('Shift+End');
  await expect(page.getByText('400 selected')).toBeVisible();
  kubectl('delete', 'configmap', '-l', 'in=range');
});

test('the palette goes where a line of k9s says', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}`);
  await expect(page.getByRole('link', { name: /^Pods/ })).toBeVisible();
  // Nobody waits for the field to be there.
  await page.keyboard.type(`:po ${NAMESPACE} /web`);
  await expect(page.getByRole('combobox', { name: 'Jump to anything' })).toHaveValue(`po ${NAMESPACE} /web`);
  await expect(page.getByRole('option').first()).toHaveText(/Pods/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Pods' })).toBeVisible();
  await expect(row(page, 'web-')).toHaveCount(2);
});

test('the palette offers a kind by its short name first, objects of a kind by how its name begins', async ({
  page,
}) => {
  await page.goto(`/c/${CLUSTER}?ns=${NAMESPACE}`);
  await expect(page.getByRole('link', { name: /^Pods/ })).toBeVisible();
  await page.keyboard.press(':');
  await expect(page.getByRole('option').first()).toHaveText(/^Pods/);
  for (const [word, kind] of Object.entries({ po: 'Pods', deploy: 'Deployments', svc: 'Services', events: 'Events' })) {
    await page.getByRole('combobox').fill(word);
    await expect(page.getByRole('option').first()).toContainText(kind);
    await expect(page.getByRole('option').first()).toContainText('↵');
  }
  // The page of that name is offered too; the kind, which two groups have, once.
  await expect(page.getByRole('option').filter({ hasText: /^Events/ })).toHaveCount(2);
  await expect(page.getByRole('option', { name: 'Events events', exact: true })).toBeVisible();
  await page.getByRole('combobox').fill('depl web');
  await page
    .getByRole('option')
    .filter({ hasText: `web${NAMESPACE}` })
    .click();
  await expect(page.getByRole('heading', { name: 'web' })).toBeVisible();
});

test('the sheet of keys names every place that g goes to', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}`);
  await expect(page.getByRole('link', { name: /^Pods/ })).toBeVisible();
  await page.keyboard.press('?');
  const sheet = page.getByRole('dialog', { name: 'Keys' });
  const names = ['Overview', 'Events', 'Map', 'Images', 'Forwards', 'Pods', 'Deployments', 'Services', 'Nodes'];
  for (const name of [...names, 'ConfigMaps', 'PersistentVolumeClaims'])
    await expect(sheet.getByRole('definition').filter({ hasText: new RegExp(`^${name}$`) })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.type('gc');
  await expect(page.getByRole('heading', { name: 'ConfigMaps' })).toBeVisible();
});

test('the navigation has its active entry in sight, however one came there', async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 500 });
  await page.goto(`/c/${CLUSTER}/r/apiextensions.k8s.io/v1/customresourcedefinitions`);
  const active = page.getByRole('navigation', { name: 'Navigation' }).locator('[aria-current=page]');
  await expect(active).toHaveText(/^CustomResourceDefinitions/);
  await expect(active).toBeInViewport();
  await page.keyboard.type(':po');
  await page.keyboard.press('Enter');
  await expect(active).toHaveText(/^Pods/);
  await expect(active).toBeInViewport();
});

test('a node is cordoned and takes pods again', async ({ page }) => {
  const node = `${CLUSTER}-worker-1`;
  await page.goto(`/c/${CLUSTER}/r/core/v1/nodes/_/${node}`);
  await page.getByRole('button', { name: 'Cordon' }).click();
  await expect(page.getByRole('button', { name: 'Uncordon' })).toBeVisible();
  await page.getByRole('button', { name: 'Uncordon' }).click();
  await expect(page.getByRole('button', { name: 'Cordon', exact: true })).toBeVisible();
});

test('a custom kind appears in the navigation when it is defined, and goes with its definition', async ({ page }) => {
  await page.goto(`/c/${CLUSTER}`);
  await expect(page.getByRole('link', { name: /^Pods/ })).toBeVisible();
  apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: cats.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: cats, singular: cat, kind: Cat}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`);
  await expect(page.getByRole('link', { name: /^Cats/ })).toBeVisible();
  kubectl('wait', '--for=condition=Established', 'crd/cats.example.com', '--timeout=30s');
  apply('{apiVersion: example.com/v1, kind: Cat, metadata: {name: tom}, spec: {colour: grey}}');
  await page.getByRole('link', { name: /^Cats/ }).click();
  await row(page, 'tom').getByRole('link').click();
  await expect(page.getByText('grey')).toBeVisible();
  kubectl('delete', 'crd', 'cats.example.com');
  await expect(page.getByRole('link', { name: /^Cats/ })).toHaveCount(0);
});

test('the page of a network policy tells in words who may talk to whom, with the pods that are meant now', async ({
  page,
}) => {
  apply(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: talkers}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from:
    - podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ${NAMESPACE}}}
      podSelector: {matchLabels: {app: nobody}}
    - ipBlock: {cidr: 0.0.0.0/0, except: [10.9.0.0/16]}
    ports: [{port: 8080}, {port: 9000, endPort: 9009, protocol: UDP}]
`);
  await page.goto(object('networking.k8s.io/v1/networkpolicies', 'talkers'));
  const card = (title: string) => page.locator('section').filter({ has: page.getByRole('heading', { name: title }) });
  await expect(card('Applies to app=web (2)').getByRole('link', { name: /^web-/ })).toHaveCount(2);
  const incoming = card('Who may reach them');
  await expect(incoming.getByText('app in (web) in this namespace (2)')).toBeVisible();
  const named = `app=nobody in namespaces with kubernetes.io/metadata.name=${NAMESPACE} (0)`;
  await expect(incoming.getByText(named)).toBeVisible();
  await expect(incoming.getByText('0.0.0.0/0 except 10.9.0.0/16')).toBeVisible();
  await expect(incoming.getByText('8080/TCP, 9000-9009/UDP')).toBeVisible();
  await expect(card('Whom they may reach').getByText('This policy does not restrict it.')).toBeVisible();
  await incoming.getByRole('link', { name: 'app in (web)' }).click();
  await expect(page.getByRole('grid')).toHaveAttribute('aria-rowcount', '3');
  kubectl('delete', 'networkpolicy', 'talkers');
});

test('the page of a disruption budget tells how many pods it lets go, and lists those it protects', async ({
  page,
}) => {
  apply(
    '{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: budget}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}',
  );
  await page.goto(object('policy/v1/poddisruptionbudgets', 'budget'));
  await expect(page.getByRole('heading', { name: 'Applies to app=web (2)' })).toBeVisible();
  const fact = (name: string) => page.locator('.facts > div').filter({ hasText: name });
  await expect(fact('Min available')).toContainText('1');
  await expect(fact('Healthy pods')).toContainText('2 / 1');
  await expect(fact('Allowed disruptions')).toContainText('1');
  kubectl('delete', 'poddisruptionbudget', 'budget');
});

test('the page of a node adds up what its pods ask for', async ({ page }) => {
  const limits = '{requests: {cpu: 100m, memory: 32Mi}, limits: {memory: 64Mi}}';
  const node = `${CLUSTER}-worker-1`;
  const cell = (resource: string, column: number) =>
    page
      .getByRole('row')
      .filter({ has: page.getByRole('rowheader', { name: resource, exact: true }) })
      .getByRole('cell')
      .nth(column);
  const millicores = async () => Number(/^\d+/.exec((await cell('CPU', 0).textContent()) ?? '')?.[0]);
  await page.goto(`/c/${CLUSTER}/r/core/v1/nodes/_/${node}`);
  await expect(cell('CPU', 0)).toHaveText(/^\d/);
  const before = await millicores();
  apply(
    `{apiVersion: v1, kind: Pod, metadata: {name: asking}, spec: {nodeName: ${node}, terminationGracePeriodSeconds: 0, containers: [{name: main, image: "devcluster/busybox:1", command: [sleep, "3600"], resources: ${limits}}]}}`,
  );
  await expect.poll(millicores).toBe(before + 100);
  await expect(cell('Memory', 1)).toContainText('MiB (');
  kubectl('delete', 'pod', 'asking', '--now');
  await expect.poll(millicores).toBe(before);
});

test('a job that is over is run again by its page, and kubectl gets the same', async ({ page }) => {
  const container = '{name: main, image: "devcluster/busybox:1", command: [echo, done]}';
  apply(
    `{apiVersion: batch/v1, kind: Job, metadata: {name: once}, spec: {template: {spec: {restartPolicy: Never, containers: [${container}]}}}}`,
  );
  kubectl('wait', '--for=condition=Complete', 'job/once', '--timeout=60s');
  await page.goto(object('batch/v1/jobs', 'once'));
  await page.getByRole('button', { name: 'Run again' }).click();
  await expect(page.getByRole('heading', { name: /^once-\w+$/ })).toBeVisible();
  await expect(page.getByText('Completed').first()).toBeVisible();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Copy kubectl command' }).click();
  const command = () => page.evaluate(() => navigator.clipboard.readText());
  await expect
    .poll(command)
    .toMatch(new RegExp(`^kubectl --context devcluster-${CLUSTER} -n dashboard get jobs.batch once-\\w+$`));
  kubectl('delete', 'jobs', '--all');
});

test('the page of an account tells what it may do, and that of a role who has it', async ({ page }) => {
  kubectl('create', 'serviceaccount', 'robot');
  kubectl('create', 'rolebinding', 'robots', '--clusterrole=view', '--serviceaccount=dashboard:robot');
  await page.goto(object('core/v1/serviceaccounts', 'robot'));
  const grant = page.getByRole('row', { name: 'robots' });
  await expect(grant).toContainText('ClusterRole view');
  await expect(grant).toContainText('dashboard');
  await grant.getByRole('link', { name: 'view' }).click();
  await expect(page.getByRole('row', { name: 'robots' })).toContainText('ServiceAccount dashboard/robot');
  kubectl('delete', 'rolebinding/robots', 'serviceaccount/robot');
});
