import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

/** The system's browser: nothing is downloaded. `.ci/browser` installs it. */
const browser = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);
if (!browser) throw new Error('no Chromium: install it, or name it in $CHROMIUM');

export default defineConfig({
  testDir: '.',
  outputDir: 'out/results',
  reporter: [[process.env.CI ? 'line' : 'list'], ['./causes.ts']],
  // They share one cluster and one machine with the nodes.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  use: {
    launchOptions: { executablePath: browser, args: ['--no-sandbox', '--disable-dev-shm-usage'] },
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    trace: 'retain-on-failure',
    permissions: ['clipboard-read', 'clipboard-write'],
  },
});
