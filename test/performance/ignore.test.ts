import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { OptionError } from '../../src/errors/index.ts';
import { ignore, PerformanceMiddleware, runInScope } from '../../src/performance/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { collectQueries } from '../support/recorded.ts';

const BY_ID = 'SELECT id FROM users WHERE id = $1';

let database: TestDatabase;
let pool: pg.Pool;
let perf: PerformanceMiddleware;

beforeAll(async () => {
  database = await createDatabase();
  await database.query('CREATE TABLE users (id int)');
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
  perf = new PerformanceMiddleware({ nPlusOneThreshold: 5 });
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function askTimes(count: number, sql = BY_ID): Promise<void> {
  for (let id = 0; id < count; id += 1) await pool.query(sql, [id]);
}

/** How many patterns the work adds. */
async function patternsOf(work: () => unknown): Promise<number> {
  const before = perf.getStats().nPlusOneCount;
  await runInScope('job', async () => {
    await work();
  });
  return perf.getStats().nPlusOneCount - before;
}

function ignoresOf(reason: string): unknown {
  return perf.getStats().ignores.find((entry) => entry.reason === reason);
}

describe('ignore', () => {
  it('keeps the queries out of the findings, and counts them all the same', async () => {
    const seen = collectQueries();
    expect(await patternsOf(() => askTimes(6))).toBe(1);
    expect(await patternsOf(() => ignore('row locks', () => askTimes(6)))).toBe(0);
    expect(seen).toHaveLength(12);
    expect(seen.at(-1)?.scope?.queryCount).toBe(6);
    expect(ignoresOf('row locks')).toEqual({ reason: 'row locks', callCount: 1, findingCount: 1 });
  });

  it('leaves alone what the same request asks for outside of it', async () => {
    const both = (outside: number) => async (): Promise<void> => {
      await askTimes(outside);
      await ignore('the rest', () => askTimes(4));
    };
    expect(await patternsOf(both(5))).toBe(1);
    expect(await patternsOf(both(4))).toBe(0);
  });

  it('tells of a reason that nothing goes by', async () => {
    await patternsOf(() => ignore('no longer needed', () => askTimes(2)));
    await patternsOf(() => ignore('no longer needed', () => askTimes(6, 'SELECT $1 AS n')));
    expect(ignoresOf('no longer needed')).toMatchObject({ callCount: 2, findingCount: 0 });
  });

  it('goes by the innermost reason', async () => {
    await patternsOf(() => ignore('outer', () => ignore('inner', () => askTimes(5))));
    expect([ignoresOf('outer'), ignoresOf('inner')]).toMatchObject([
      { findingCount: 0 },
      { findingCount: 1 },
    ]);
  });

  it('holds in what callbacks of its queries go on with', async () => {
    const client = new pg.Client(database.url);
    await client.connect();
    const chain = (left: number, done: () => void): void => {
      client.query(BY_ID, [left], () => (left === 0 ? done() : chain(left - 1, done)));
    };
    const walk = (): Promise<void> => new Promise((resolve) => chain(5, resolve));
    expect(await patternsOf(() => ignore('a chain', walk))).toBe(0);
    expect(await patternsOf(walk)).toBe(1);
    await client.end();
  });

  it('holds for what begins only when it is awaited', async () => {
    const lazy = (): PromiseLike<void> => ({
      // oxlint-disable-next-line unicorn/no-thenable -- as query builders are
      then: (resolve, reject) => askTimes(5).then(resolve, reject),
    });
    expect(await patternsOf(() => ignore('a builder', lazy))).toBe(0);
  });

  it('gives back what the function gives, and throws what it throws', async () => {
    const error = new RangeError('thrown');
    const promise = Promise.resolve(7);
    expect(ignore('a value', () => 7)).toBe(7);
    expect(ignore('a promise', () => promise)).toBe(promise);
    expect(() =>
      ignore('an error', () => {
        throw error;
      }),
    ).toThrow(error);
    await expect(ignore('a rejection', () => Promise.reject(error))).rejects.toBe(error);
  });

  it('refuses a reason that says nothing', () => {
    expect(() => ignore('', () => 1)).toThrow(OptionError);
    expect(() => ignore(undefined as never, () => 1)).toThrow(/ignore\(reason\)/);
  });

  it('keeps no more than 256 reasons apart', () => {
    for (let n = 0; n < 300; n += 1) ignore(`reason ${n}`, () => n);
    const { ignores } = perf.getStats();
    expect(ignores).toHaveLength(257);
    expect(ignores.at(-1)?.reason).toBe('other reasons');
  });
});
