import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const MINUTE_MS = 60_000;

/** Whole Heralds, real clients, processes that are killed: `npm run test:acceptance`. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../../', import.meta.url)),
    include: ['test/acceptance/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 5 * MINUTE_MS,
    // On a new machine the Temporal server is built and Python packages are fetched.
    hookTimeout: 30 * MINUTE_MS,
    disableConsoleIntercept: true,
  },
});
