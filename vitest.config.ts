import { defineConfig } from 'vitest/config';

/** What depends on the engine runs on both; the rest runs once. */
const ON_BOTH_ENGINES = [
  'app',
  'database',
  'drivers',
  'examples',
  'frameworks',
  'integration',
  'performance',
  'pool',
  'profiling',
  'recorder',
].map((folder) => `test/${folder}/**/*.test.ts`);

const shared = {
  globalSetup: ['test/support/global-setup.ts'],
  // Queries of one process meet in one recorder: each file gets a process of its own.
  pool: 'forks' as const,
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      ...(['native', 'portable'] as const).map((engine) => ({
        test: {
          ...shared,
          name: engine,
          include: ON_BOTH_ENGINES,
          env: { HYPERDJANGO_ENGINE: engine },
        },
      })),
      {
        test: {
          ...shared,
          name: 'once',
          include: ['test/**/*.test.ts'],
          // The compatibility suite has an install and a configuration of its own.
          exclude: [...ON_BOTH_ENGINES, 'test/compatibility/**', '**/node_modules/**'],
        },
      },
    ],
  },
});
