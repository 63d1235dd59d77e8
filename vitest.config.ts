import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,workflow,e2e,chaos}/**/*.test.ts'],
    globalSetup: 'test/support/globalSetup.ts',
    // Temporal's native core does not survive worker threads.
    pool: 'forks',
    // Postgres, Temporal and two test files at a time keep a small machine busy.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
  },
});
