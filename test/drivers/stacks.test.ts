/** What is nice to know of a query, its call site, must not cost the query, nor harm who asked. */
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { runNode } from '../support/processes.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => database.drop());

interface Seen {
  readonly count: string;
  readonly nPlusOneCount: number;
  readonly sites: readonly string[];
  readonly isLeft: boolean;
}

async function see(args: readonly string[]): Promise<Seen> {
  const env = { DATABASE_URL: database.url, NODE_NO_WARNINGS: '1' };
  const { stdout, stderr, code } = await runNode(args, { env });
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Seen;
}

const PROGRAM = 'test/fixtures/drivers/stacks.mjs';
const SITE = /^askEight \(.*stacks\.mjs:\d+\)$/;

it.each([
  ['none', true],
  ['frozen', true],
  // It leaves three frames.
  ['limitFixed', true],
  ['limitGone', false],
  // V8 asks no accessor.
  ['limitThrows', false],
  ['prepareThrows', true],
  ['prepareFrames', true],
  ['prepareHostile', true],
  ['captureThrows', false],
  ['cwdThrows', true],
])('every query counts where the stack is made difficult: %s', async (difficulty, hasSite) => {
  const { count, nPlusOneCount, sites, isLeft } = await see([PROGRAM, difficulty]);
  expect({ count, nPlusOneCount, isLeft }).toEqual({ count: '8', nPlusOneCount: 1, isLeft: true });
  expect(sites).toEqual(hasSite ? [expect.stringMatching(SITE)] : []);
});

it('and with frozen intrinsics', async () => {
  const { count, nPlusOneCount } = await see(['--frozen-intrinsics', PROGRAM, 'none']);
  expect({ count, nPlusOneCount }).toEqual({ count: '8', nPlusOneCount: 1 });
});
