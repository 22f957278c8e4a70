import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { environment: 'node', include: ['e2e-desktop/*.test.ts'], testTimeout: 240_000, hookTimeout: 240_000 },
});
