import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Database } from '../../src/database/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { PoolHealthChecker, type PoolHealthCheckerOptions } from '../../src/pool/index.ts';
import {
  createDatabase,
  createRole,
  type TestDatabase,
  type TestRole,
} from '../support/postgres.ts';
import { ROOT, runNode, until } from '../support/processes.ts';
import { collectQueries } from '../support/recorded.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let database: TestDatabase;
let role: TestRole;
let proxy: TcpProxy;
let db: Database;

beforeAll(async () => {
  role = await createRole();
  database = await createDatabase();
  proxy = await startTcpProxy(database.urlFor(role));
});

afterEach(async () => {
  await db.close();
  proxy.forward();
});

afterAll(async () => {
  await proxy.close();
  await database.drop();
  await role.drop();
});

/** A pool with so many idle connections. */
async function openPool(idle: number, config: pg.PoolConfig = {}): Promise<Database> {
  db = new Database({ connectionString: proxy.url, max: 5, ...config });
  const clients = await Promise.all(Array.from({ length: idle }, () => db.pool.connect()));
  for (const client of clients) client.release();
  expect(db.poolStats()).toMatchObject({ total: idle, idle });
  return db;
}

async function terminateBackends(): Promise<void> {
  await database.query(
    'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1',
    [role.name],
  );
}

describe('check', () => {
  it('finds healthy connections healthy, and leaves them as they were', async () => {
    await openPool(3);
    const seen = collectQueries();
    const checker = new PoolHealthChecker(db);
    expect(await checker.check()).toEqual({ checked: 3, dead: 0, removed: 0 });
    expect(await checker.check()).toEqual({ checked: 3, dead: 0, removed: 0 });
    expect(db.poolStats()).toMatchObject({ total: 3, idle: 3, active: 0 });
    expect(seen).toEqual([]);
  });

  it('has nothing to do in an empty pool, and in one that is closed', async () => {
    await openPool(0);
    const checker = new PoolHealthChecker(db);
    expect(await checker.check()).toEqual({ checked: 0, dead: 0, removed: 0 });
    await db.query('SELECT 1');
    await db.close();
    expect(await checker.check()).toEqual({ checked: 0, dead: 0, removed: 0 });
  });

  it('removes connections that the server has ended, and tells of those already gone', async () => {
    await openPool(3);
    const checker = new PoolHealthChecker(db);
    await terminateBackends();
    expect(await checker.check()).toEqual({ checked: 3, dead: 3, removed: 3 });
    expect(db.poolStats()).toMatchObject({ total: 0 });
    expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await checker.check()).toEqual({ checked: 1, dead: 0, removed: 0 });
  });

  it('removes connections on which nothing comes back, within its time for each', async () => {
    await openPool(2);
    const checker = new PoolHealthChecker(db, { probeTimeoutMs: 100 });
    proxy.blackHole();
    const startMs = performance.now();
    expect(await checker.check()).toEqual({ checked: 2, dead: 2, removed: 2 });
    expect(performance.now() - startMs).toBeLessThan(1_000);
    proxy.forward();
    expect(db.poolStats()).toMatchObject({ total: 0 });
    expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('removes a connection that was given back in a broken transaction', async () => {
    await openPool(1);
    const client = await db.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT nonsense').catch(() => {});
    client.release();
    expect(await new PoolHealthChecker(db).check()).toEqual({ checked: 1, dead: 1, removed: 1 });
  });

  it('leaves connections in use alone', async () => {
    await openPool(2);
    const client = await db.pool.connect();
    expect(await new PoolHealthChecker(db).check()).toEqual({ checked: 1, dead: 0, removed: 0 });
    client.release();
  });

  it('takes no connection while a caller waits for one', async () => {
    await openPool(1, { max: 1 });
    const checker = new PoolHealthChecker(db);
    // The caller that was first gets the connection: it is served on the next tick.
    const waiting = db.query('SELECT 1 AS one');
    expect(db.poolStats()).toMatchObject({ idle: 1, waiting: 1 });
    expect(await checker.check()).toEqual({ checked: 0, dead: 0, removed: 0 });
    expect(await waiting).toEqual([{ one: 1 }]);
  });

  it('serves a caller who comes during a probe, when the connection is back', async () => {
    await openPool(1, { max: 1 });
    const checking = new PoolHealthChecker(db).check();
    expect(db.poolStats()).toMatchObject({ idle: 0, active: 1 });
    const [row] = await db.query('SELECT 1 AS one');
    expect(row).toEqual({ one: 1 });
    expect(await checking).toEqual({ checked: 1, dead: 0, removed: 0 });
  });

  it('serves a caller who comes while a dead connection is probed, by a new one', async () => {
    await openPool(1, { max: 1 });
    proxy.blackHole();
    const checking = new PoolHealthChecker(db, { probeTimeoutMs: 100 }).check();
    const query = db.query('SELECT 1 AS one');
    proxy.forward();
    expect(await checking).toEqual({ checked: 1, dead: 1, removed: 1 });
    expect(await query).toEqual([{ one: 1 }]);
  });

  it('gives a call during a check the result of that check', async () => {
    await openPool(2);
    const checker = new PoolHealthChecker(db);
    const results = await Promise.all([checker.check(), checker.check(), checker.check()]);
    expect(results[0]).toEqual({ checked: 2, dead: 0, removed: 0 });
    expect(new Set(results).size).toBe(1);
    const client = await db.pool.connect();
    client.release();
    expect(db.poolStats()).toMatchObject({ total: 2, idle: 2 });
  });

  it('does not prolong the idle time of a connection, or count as its use', async () => {
    await openPool(2, { idleTimeoutMillis: 300, maxUses: 2 });
    const checker = new PoolHealthChecker(db);
    const startMs = performance.now();
    while (db.poolStats().total > 0 && performance.now() - startMs < 5_000) await checker.check();
    expect(performance.now() - startMs).toBeLessThan(1_500);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(250);
  });

  it('lets the pool be closed in the middle of it', async () => {
    await openPool(3);
    const checking = new PoolHealthChecker(db).check();
    await Promise.all([checking, db.close()]);
    expect(db.poolStats()).toMatchObject({ total: 0 });
  });
});

describe('start and stop', () => {
  it('check again and again until stopped; a second call of each does nothing', async () => {
    await openPool(2);
    const checker = new PoolHealthChecker(db, { intervalSeconds: 0.1, probeTimeoutMs: 50 });
    checker.start();
    checker.start();
    proxy.blackHole();
    await until('the dead connections to go', () => db.poolStats().total === 0);
    checker.stop();
    checker.stop();
    proxy.forward();
    await db.query('SELECT 1');
    checker.start();
    proxy.blackHole();
    await until('the next one to go', () => db.poolStats().total === 0);
    checker.stop();
  });

  it('do not keep a process alive', async () => {
    await openPool(0);
    const { code, stderr, stdout } = await runNode([
      `${ROOT}test/fixtures/pool/health-checker.mjs`,
      database.url,
    ]);
    expect({ code, stderr, stdout }).toEqual({
      code: 0,
      stderr: '',
      stdout: '{"checked":1,"dead":0,"removed":0}\n',
    });
  });
});

describe('bad options', () => {
  it.each([
    [
      undefined,
      {},
      /^new PoolHealthChecker\(db\): expected a Database or a pg\.Pool, got undefined$/,
    ],
    ['db', { intervalSeconds: 0 }, /^PoolHealthChecker\.intervalSeconds: .* got 0$/],
    ['db', { probeTimeoutMs: 1 }, /^PoolHealthChecker\.probeTimeoutMs: .* got 1$/],
    ['db', { interval: 5 }, /^PoolHealthChecker\.interval: expected one of intervalSeconds/],
  ])('%s with %o are refused by name', async (first, options, message) => {
    await openPool(0);
    const make = (): unknown =>
      new PoolHealthChecker(
        (first === 'db' ? db : first) as Database,
        options as PoolHealthCheckerOptions,
      );
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
});
