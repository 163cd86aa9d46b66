import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    reporters: ['default', './test/support/closing-line.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    include: ['test/compatibility/{drivers,runtimes}/**/*.test.ts'],
    // What is heavy: `npm run test:compatibility -- --all`.
    exclude: [
      '**/node_modules/**',
      ...(process.env['COMPATIBILITY_ALL'] === '1' ? [] : ['**/optional.test.ts']),
    ],
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
