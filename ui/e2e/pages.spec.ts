import AxeBuilder from '@axe-core/playwright';
import { expect, sample, test } from './dashboard';
import { PAGES } from './places';

test.beforeAll(sample);

/** Where the pictures of all pages are put, for people to look at; the README's are taken from there. */
const PICTURES = new URL('out/screenshots/', import.meta.url).pathname;
const RULES = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'];

for (const [name, path, settled] of PAGES) {
  test(`the page ${name} has no accessibility violation, in light and in dark`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(path);
    await expect(page.locator('main, aside').getByText(settled).first()).toBeVisible();
    await expect(page.getByText('Loading…')).toHaveCount(0);
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await expect(page.locator('html')).toHaveAttribute('data-theme', theme);
      const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] });
      // A theme is colours and nothing else; the frame is the same around every page.
      if (theme === 'light') axe.withTags(RULES);
      else axe.withRules(['color-contrast']);
      if (name !== 'overview') axe.include('.main');
      const { violations } = await axe.analyze();
      await page.screenshot({ path: `${PICTURES}${name}-${theme}.png` });
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(', ')}`)).toEqual([]);
    }
  });
}
