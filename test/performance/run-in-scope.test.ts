import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { Database } from '../../src/database/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { PerformanceMiddleware, runInScope } from '../../src/performance/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { collectQueries } from '../support/recorded.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createDatabase();
  db = new Database(database.url);
  await db.execute('CREATE TABLE invoices (id int)');
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

describe('runInScope', () => {
  it('books the queries of a job on it, and tells of its findings by its name', async () => {
    const perf = new PerformanceMiddleware({ slowQueryThresholdMs: 0, nPlusOneThreshold: 5 });
    const seen = collectQueries();
    const count = await runInScope('send-invoices', async () => {
      for (let id = 0; id < 6; id += 1) {
        await db.query('SELECT id FROM invoices WHERE id = $1', [id]);
      }
      return 6;
    });
    expect(count).toBe(6);
    const scopes = new Set(seen.map(({ scope }) => scope));
    expect([...scopes]).toMatchObject([
      { kind: 'job', name: 'send-invoices', queryCount: 6, isClosed: true },
    ]);
    expect(perf.getStats()).toMatchObject({
      totalRequests: 0,
      totalQueries: 0,
      unscopedQueries: 0,
      slowQueryCount: 6,
      nPlusOneCount: 1,
      recentNPlusOne: ['SELECT id FROM invoices WHERE id = $1'],
    });
    expect(perf.getStats().recentSlowQueries[0]).toMatchObject({ route: 'send-invoices' });
  });

  it('keeps jobs apart that run at the same time, and leaves the scope around alone', async () => {
    const seen = collectQueries();
    await runInScope('outer', async () => {
      await Promise.all(
        ['a', 'b'].map((name) =>
          runInScope(name, () => db.query('SELECT $1::text AS name', [name])),
        ),
      );
      await db.query('SELECT $1::text AS name', ['outer']);
    });
    const booked = seen.map(({ scope, values }) => `${scope?.name}: ${String(values?.[0])}`);
    expect(booked.toSorted((a, b) => a.localeCompare(b))).toEqual(['a: a', 'b: b', 'outer: outer']);
  });

  it('gives back what the function gives, and throws what it throws', async () => {
    const error = new RangeError('thrown');
    expect(runInScope('job', () => 7)).toBe(7);
    expect(() =>
      runInScope('job', () => {
        throw error;
      }),
    ).toThrow(error);
    await expect(runInScope('job', () => Promise.reject(error))).rejects.toBe(error);
    const value = {};
    expect(await runInScope('job', async () => value)).toBe(value);
  });

  it('runs in the scope what begins only when it is awaited', async () => {
    const seen = collectQueries();
    const lazy: PromiseLike<number> = {
      // oxlint-disable-next-line unicorn/no-thenable -- as query builders are
      then: (resolve, reject) =>
        db
          .query('SELECT 1 AS lazy')
          .then((rows) => rows.length)
          .then(resolve, reject),
    };
    expect(await runInScope('lazy', () => lazy)).toBe(1);
    expect(seen.map(({ scope }) => scope?.name)).toEqual(['lazy']);
  });

  it('leaves a rejection that nobody handles unhandled', async () => {
    const rejections: unknown[] = [];
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    const note = (reason: unknown): number => rejections.push(reason);
    process.on('unhandledRejection', note);
    const error = new Error('nobody');
    void runInScope('job', () => Promise.reject(error));
    await expect.poll(() => rejections).toEqual([error]);
    process.off('unhandledRejection', note);
    for (const other of others) process.on('unhandledRejection', other);
  });

  it('only calls the function under HYPERDJANGO_DISABLED=1', async () => {
    vi.stubEnv('HYPERDJANGO_DISABLED', '1');
    const promise = Promise.resolve(1);
    expect(runInScope('job', () => promise)).toBe(promise);
    vi.unstubAllEnvs();
  });

  it('refuses a name that is none', () => {
    expect(() => runInScope('', () => 1)).toThrow(OptionError);
  });
});
