import { join } from 'node:path';

import { expect, it } from 'vitest';

import { ENGINE_KINDS } from '../conformance/support/engines.ts';
import { ROOT, runNode } from '../support/processes.ts';
import { temporaryDirectory } from './support/recorded-process.ts';

it.each(ENGINE_KINDS)(
  'threads of the %s engine add up, and what a dead one has counted stays',
  async (kind) => {
    const fixture = join(ROOT, 'test/fixtures/segments/threads.mjs');
    const { code, stdout, stderr } = await runNode([fixture], {
      env: { HYPERDJANGO_ENGINE: kind, HYPERDJANGO_DIR: temporaryDirectory() },
    });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    // Queries, calls of the one statement, values in the histogram, in flight.
    const seen = (queries: number, inFlight: number): object => ({
      thread: [100, 100, 100, 0],
      process: [queries, queries, queries, inFlight],
      host: [queries, queries, queries, inFlight],
    });
    expect(lines).toEqual([
      seen(100, 0),
      seen(1_100, 1),
      seen(1_100, 0),
      seen(3_100, 1),
      seen(3_100, 0),
      seen(6_100, 1),
      seen(6_100, 0),
      // One after the other, they needed one arena.
      [
        [true, 1],
        [false, 3],
      ],
    ]);
  },
);
