/** What takes a `Database` takes a pool as well, whoever made it. */
import { once } from 'node:events';

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Database } from '../../src/database/index.ts';
import { instrument } from '../../src/drivers/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { PoolHealthChecker, QueryTimer, SlowQueryLog } from '../../src/pool/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;

beforeAll(async () => {
  instrument(pg);
  database = await createDatabase();
});

afterAll(async () => database.drop());

/** Its constructor takes nothing that a pool does. */
class OwnPool extends pg.Pool {
  constructor() {
    super({ connectionString: database.url, max: 1 });
  }
}

const pools: Readonly<Record<string, () => pg.Pool>> = {
  'a pool': () => new pg.Pool({ connectionString: database.url, max: 1 }),
  'a subclass of a pool': () => new OwnPool(),
  'a pool with a password by a function': () => {
    const { hostname, port, username, password, pathname } = new URL(database.url);
    return new pg.Pool({
      host: decodeURIComponent(hostname),
      port: Number(port),
      user: username,
      database: pathname.slice(1),
      password: () => decodeURIComponent(password),
      max: 1,
    });
  },
};

describe.each(Object.keys(pools))('%s', (kind) => {
  it('has its slow queries in the log, which takes no connection from it', async () => {
    const pool = pools[kind]?.() as pg.Pool;
    const slowLog = new SlowQueryLog(pool, { thresholdMs: 0 });
    const timer = new QueryTimer(pool, { slowLog, thresholdMs: 0 });
    try {
      const held = await pool.connect();
      await slowLog.ensureTable();
      timer.install();
      await held.query('SELECT $1::int AS kept', [1]);
      await slowLog.flush();
      expect(pool.totalCount).toBe(1);
      expect(await timer.drain({ timeoutSeconds: 0 })).toBe(false);
      held.release();
      expect(await timer.drain()).toBe(true);
      const [row] = await slowLog.getRecent({ limit: 1 });
      expect(row).toMatchObject({ paramsSummary: 'number' });
      expect(row?.sql).toContain('AS kept');
    } finally {
      timer.uninstall();
      await slowLog.close();
      await pool.end();
    }
  });

  it('has its dead connections taken out', async () => {
    const pool = pools[kind]?.() as pg.Pool;
    pool.on('error', () => {});
    const checker = new PoolHealthChecker(pool);
    try {
      const client = await pool.connect();
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      client.release();
      expect(await checker.check()).toEqual({ checked: 1, dead: 0, removed: 0 });
      const gone = once(pool, 'error');
      await database.query(`SELECT pg_terminate_backend(${rows[0]?.pid})`);
      await gone;
      expect(await checker.check()).toEqual({ checked: 1, dead: 1, removed: 1 });
    } finally {
      await pool.end();
    }
  });
});

describe('what is no pool', () => {
  const makers = {
    SlowQueryLog: (given: never) => new SlowQueryLog(given),
    QueryTimer: (given: never) => new QueryTimer(given),
    PoolHealthChecker: (given: never) => new PoolHealthChecker(given),
  };

  it.each(Object.entries(makers))('is refused by %s, which says what it takes', (_, make) => {
    for (const given of [undefined, null, 'postgres://u:secret@h/d', {}, { pool: {} }, pg.Pool]) {
      const attempt = (): unknown => make(given as never);
      expect(attempt).toThrow(OptionError);
      expect(attempt).toThrow('expected a Database or a pg.Pool');
      expect(attempt).not.toThrow('secret');
    }
    expect(make(new Database(database.url) as never)).toBeDefined();
  });
});
