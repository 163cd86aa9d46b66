import { expect, it } from 'vitest';

import { measureOverhead } from '../../bench/overhead.mjs';
import { runNode } from '../support/processes.ts';

it.each([
  { parts: ['fuzz', 'sql', 'memory', 'workers'], scale: '0.01' },
  { parts: ['kills'], scale: '0.02' },
])('$scale of the soak passes: $parts', { timeout: 400_000 }, async ({ parts, scale }) => {
  const { code, stdout, stderr } = await runNode([
    '--expose-gc',
    'bench/soak.mjs',
    ...parts,
    '--scale',
    scale,
  ]);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/soak: done\n$/);
});

it(
  'the overhead meter is within 30 % of what is measured from outside, and a slow engine shows',
  // What else the machine does disturbs both.
  { timeout: 120_000, retry: 3 },
  () => {
    const [native, slowed, portable] = measureOverhead();
    for (const row of [native, slowed, portable]) {
      expect(Math.abs((row?.ratio ?? 0) - 1), JSON.stringify(row)).toBeLessThan(0.3);
    }
    const differenceNs = (slowed?.meterNs ?? 0) - (native?.meterNs ?? 0);
    expect(Math.abs(differenceNs / 2_000 - 1)).toBeLessThan(0.3);
  },
);

it(
  'the benchmark runs and prints a row for each engine and each variant',
  { timeout: 240_000 },
  async () => {
    const { code, stdout, stderr } = await runNode(['bench/run.mjs', '--quick']);
    expect(code, stderr).toBe(0);
    const names = [
      'clock',
      'normalise',
      'begin and end a query',
      'native',
      'portable',
      'floor',
      '8',
      'native, slowed',
      'counters and sums',
    ];
    for (const name of names) expect(stdout).toMatch(new RegExp(`^\\| ${name}.* \\|$`, 'm'));
  },
);
