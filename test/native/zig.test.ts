import { describe, expect, it } from 'vitest';

import { runNode } from './support/child.ts';
import type { ChildResult } from './support/child.ts';

/** Cold, a build under ThreadSanitizer takes minutes. */
const BUILD_TIMEOUT_MS = 900_000;

function runZig(...args: string[]): Promise<ChildResult> {
  // ThreadSanitizer keeps quiet of a race whose first half its history no longer holds.
  return runNode(['scripts/zig.mjs', ...args], { TSAN_OPTIONS: 'history_size=7' });
}

/** From Zig's summary; 0 where it says nothing of tests. */
function passedCount({ stderr }: ChildResult): number {
  const summary = /(\d+)\/(\d+) tests passed/.exec(stderr);
  return summary !== null && summary[1] === summary[2] ? Number(summary[1]) : 0;
}

describe('the core', { timeout: BUILD_TIMEOUT_MS }, () => {
  it('passes its own tests, in Debug and as it ships', async () => {
    const debug = await runZig('build', 'test', '--summary', 'all');
    expect(debug.exitCode, debug.stderr).toBe(0);
    expect(passedCount(debug)).toBeGreaterThan(20);
    const release = await runZig('build', 'test', '-Drelease', '--summary', 'all');
    expect(release.exitCode, release.stderr).toBe(0);
    expect(passedCount(release)).toBe(passedCount(debug));
  });

  it('has a ring and a segment in which ThreadSanitizer finds no race', async () => {
    const filters = ['-Dtest-filter=Ring', '-Dtest-filter=Segment'];
    const child = await runZig('build', 'test', '-Dtsan', ...filters, '--summary', 'all');
    expect(child.exitCode, child.stderr).toBe(0);
    expect(passedCount(child)).toBeGreaterThan(6);
  });

  it('would be caught with a ring whose payload is stored plainly', async () => {
    const child = await runZig('build', 'test', '-Dtsan', '-Dweaken-ring', '-Dtest-filter=Ring');
    expect(child.exitCode).not.toBe(0);
    expect(child.stderr).toContain('ThreadSanitizer: data race');
  });

  it.each(['ring', 'histogram'])('survives a short run of the %s fuzzer', async (name) => {
    const seed = String(Date.now());
    const child = await runZig('build', 'fuzz', '--', name, seed, '500');
    expect(child.exitCode, child.stderr).toBe(0);
    expect(child.stderr).toContain(`fuzz ${name} ${seed} 500`);
    expect(child.stderr).toContain('500 iterations passed');
  });
});
