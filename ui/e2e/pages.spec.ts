import AxeBuilder from '@axe-core/playwright';
import { CLUSTER, expect, list, object, sample, test } from './dashboard';

test.beforeAll(sample);

/** Every page, by what a settled one shows. */
const PAGES: [name: string, path: string, settled: string][] = [
  ['clusters', '/', 'Clusters'],
  ['create', '/create', 'The same on the command line'],
  ['overview', `/c/${CLUSTER}`, 'What there is'],
  ['tour', `/c/${CLUSTER}?tour=1`, 'Pod: what runs'],
  ['map', `/c/${CLUSTER}/map?ns=dashboard`, 'Service'],
  ['events', `/c/${CLUSTER}/events?ns=dashboard`, 'Scheduled'],
  ['metrics', `/c/${CLUSTER}/metrics`, 'CPU (cores)'],
  ['forwards', `/c/${CLUSTER}/forwards`, 'Address here'],
  ['sync', `/c/${CLUSTER}/sync`, 'Synced folders'],
  ['images', `/c/${CLUSTER}/images`, 'devcluster/busybox:1'],
  ['pods', list('core/v1/pods'), 'web-'],
  ['deployment', object('apps/v1/deployments', 'web'), 'ReplicaSets'],
  ['rollout', `${object('apps/v1/deployments', 'web')}?view=rollout`, 'current'],
  ['service', object('core/v1/services', 'web'), 'Gets traffic'],
  ['secret', object('core/v1/secrets', 'password'), 'password'],
  ['configmap', object('core/v1/configmaps', 'settings'), 'greeting'],
  ['claim', object('core/v1/persistentvolumeclaims', 'disk'), 'Used by'],
  ['yaml', `${object('apps/v1/deployments', 'web')}?view=yaml`, 'apiVersion'],
  ['logs', `${object('apps/v1/deployments', 'web')}?view=logs`, 'lines'],
  ['node', `/c/${CLUSTER}/r/core/v1/nodes/_/${CLUSTER}-worker-1`, 'Kubelet'],
];

const RULES = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'];

for (const [name, path, settled] of PAGES) {
  test(`the page ${name} has no accessibility violation, in light and in dark`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(path);
    await expect(page.getByRole('main').getByText(settled).first()).toBeVisible();
    await expect(page.getByText('Loading…')).toHaveCount(0);
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await expect(page.locator('html')).toHaveAttribute('data-theme', theme);
      const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] });
      // A theme is colours and nothing else; the frame is the same around every page.
      if (theme === 'light') axe.withTags(RULES);
      else axe.withRules(['color-contrast']);
      if (name !== 'overview') axe.include('main');
      const { violations } = await axe.analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(', ')}`)).toEqual([]);
    }
  });
}
