import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// `npm run dev` proxies to the agent named here; its address is the one `devcluster dashboard` prints.
const agent = process.env.DEVCLUSTER_AGENT;

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    // The content security policy allows images from the page's own origin only, so nothing is inlined as a data URL.
    assetsInlineLimit: 0,
    manifest: true,
    // The budget in scripts/budget.mjs is what counts: the entry in one piece is under it.
    chunkSizeWarningLimit: 800,
  },
  worker: { format: 'es' },
  server: {
    // The agent's sayings are outside of this folder.
    fs: { allow: ['..'] },
    ...(agent ? { proxy: { '/api': { target: agent, ws: true, changeOrigin: true } } } : {}),
  },
  test: { environment: 'node', include: ['src/**/*.test.{ts,tsx}'] },
});
