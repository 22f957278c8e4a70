import { CLUSTER, devcluster, expect, test } from './dashboard';

const NAME = `${CLUSTER}-made`;

test.afterAll(() => {
  if (devcluster('list', '-o', 'json').includes(`"${NAME}"`)) devcluster('down', '--name', NAME);
});

test('a cluster is created with its steps shown, and deleted', async ({ page }) => {
  await page.goto('/create');
  await page.getByRole('textbox', { name: 'Name' }).fill(NAME);
  await page.getByRole('spinbutton', { name: 'Workers' }).fill('1');
  await expect(page.getByText(`devcluster up --name ${NAME} --masters 1 --workers 1`)).toBeVisible();
  await page.getByRole('button', { name: 'Create a cluster' }).click();
  await page.getByRole('link', { name: `Open ${NAME}` }).click({ timeout: 60_000 });
  await expect(page.getByText('Nothing to do')).toBeVisible();

  const inside = await page.context().newPage();
  await inside.goto(`/c/${NAME}`);
  await expect(inside.getByText('Nothing to do')).toBeVisible();
  await page.goto('/');
  const card = page.getByRole('listitem', { name: NAME, exact: true });
  await expect(card.getByText('2 nodes')).toBeVisible();
  await card.getByRole('button', { name: `Actions for ${NAME}` }).click();
  await page.getByRole('menuitem', { name: 'Add nodes' }).click();
  await page.getByRole('spinbutton', { name: 'How many' }).fill('3');
  await page.getByRole('checkbox', { name: 'Simulated' }).check();
  await expect(page.getByText(`devcluster node add --simulated 3 --name ${NAME}`)).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Add nodes' }).click();
  const nodes = () => devcluster('status', '--name', NAME, '-o', 'json');
  await expect.poll(nodes).toContain('"simulated": 3');
  await card.getByRole('button', { name: `Actions for ${NAME}` }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  // It may be gone within a second.
  const deleting = `${NAME} is being deleted`;
  const told = inside.waitForFunction((text) => document.body.textContent.includes(text), deleting, { polling: 50 });
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await told;
  await expect(card).toHaveCount(0, { timeout: 60_000 });
  await expect(inside.getByText(`There is no cluster ${NAME}`)).toBeVisible();
  await expect(inside.getByRole('navigation', { name: 'Navigation' })).toHaveCount(0);
});

test('numbers of nodes that make no cluster are refused in words', async ({ page }) => {
  await page.goto('/create');
  const button = page.getByRole('button', { name: 'Create a cluster' });
  for (const [field, value, wrong] of [
    ['Masters', '2', 'An odd number'],
    ['Workers', '0', 'A whole number from 1 to 100'],
    ['Workers', '', 'A whole number from 1 to 100'],
  ] as const) {
    const box = page.getByRole('spinbutton', { name: field });
    await box.fill(value);
    await expect(box).toHaveAccessibleDescription(new RegExp(wrong));
    await expect(button).toBeDisabled();
    await box.fill('1');
    await expect(button).toBeEnabled();
  }
  await page.getByRole('spinbutton', { name: 'Simulated nodes' }).fill('20');
  await expect(page.getByText('--masters 1 --workers 1 --simulated 20')).toBeVisible();
});

test('a cluster that could not be made says why, and can be tried again', async ({ page }) => {
  await page.routeWebSocket(/\/api\/ws/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((text) => {
      socket.send(text);
      const operation = {
        id: 'failed-here',
        title: `Create cluster ${NAME}`,
        cluster: NAME,
        action: 'create',
        state: 'failed',
        steps: [{ name: 'Docker engine', state: 'failed', seconds: 0 }],
        error: 'no engine answers',
        warnings: ['little memory is free'],
      };
      socket.send(JSON.stringify({ type: 'operation', operation }));
    });
  });
  await page.route('**/api/clusters', (route) => route.fulfill({ status: 202, json: { operation: 'failed-here' } }));
  await page.goto('/create');
  await page.getByRole('textbox', { name: 'Name' }).press('Enter');
  const main = page.getByRole('main');
  await expect(main.getByText('no engine answers')).toBeVisible();
  // The next key is about what has come of it, which is told once.
  await page.keyboard.press('Shift+Tab');
  await expect(main.getByRole('link', { name: 'Cancel' })).toBeFocused();
  await expect(page.getByText('no engine answers')).toHaveCount(1);
  await expect(main.getByText('little memory is free')).toBeVisible();
  await expect(main.getByRole('textbox', { name: 'Name' })).toBeEnabled();
  await expect(main.getByRole('button', { name: 'Create a cluster' })).toBeEnabled();
});
