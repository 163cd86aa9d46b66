import { expect, it } from 'vitest';

import { runNode } from '../support/processes.ts';

it('a hundredth of the soak passes', { timeout: 240_000 }, async () => {
  const { code, stdout, stderr } = await runNode([
    '--expose-gc',
    'bench/soak.mjs',
    '--scale',
    '0.01',
  ]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/soak: done\n$/);
});

it(
  'the benchmark runs and prints a row for each engine and each variant',
  { timeout: 240_000 },
  async () => {
    const { code, stdout, stderr } = await runNode(['bench/run.mjs', '--quick']);
    expect(code, stderr).toBe(0);
    for (const name of ['clock', 'normalise', 'begin and end a query', 'native', 'portable']) {
      expect(stdout).toMatch(new RegExp(`^\\| ${name}.* \\|$`, 'm'));
    }
  },
);
