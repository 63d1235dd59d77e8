import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const MINUTE_MS = 60_000;

/** On a Temporal server in its production shape, on Postgres: `npm run test:cluster`. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../../', import.meta.url)),
    include: ['test/cluster/**/*.test.ts'],
    globalSetup: 'test/support/globalSetup.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 2 * MINUTE_MS,
    // On a new machine the server is built.
    hookTimeout: 30 * MINUTE_MS,
    disableConsoleIntercept: true,
    expect: { poll: { timeout: 20_000, interval: 50 } },
  },
});
