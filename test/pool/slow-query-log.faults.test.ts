import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { launchPostgres } from '../../src/cli/postgres/index.ts';
import { Database } from '../../src/database/index.ts';
import { SlowQueryLog } from '../../src/pool/index.ts';
import {
  createDatabase,
  createRole,
  type TestDatabase,
  type TestRole,
} from '../support/postgres.ts';
import { ROOT, runNode, startNode, until } from '../support/processes.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** The application's wait is half a second at most; the rest is the machine's. */
const PROMPT_MS = 900;

let database: TestDatabase;
let role: TestRole;
let proxy: TcpProxy;

beforeAll(async () => {
  role = await createRole();
  database = await createDatabase();
  proxy = await startTcpProxy(database.urlFor(role));
});

afterAll(async () => {
  await proxy.close();
  await database.drop();
  await role.drop();
});

beforeEach(async () => {
  proxy.forward();
  await database.query('DROP TABLE IF EXISTS hyper_slow_queries');
  warnings.length = 0;
});

const cleanups: (() => Promise<void>)[] = [];
const warnings: string[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A log that retries only when told, and says its warnings to us. */
function openLog(url: string): SlowQueryLog {
  const db = new Database(url);
  const log = new SlowQueryLog(
    db,
    {},
    { startTimer: () => () => {}, warn: (message) => void warnings.push(message) },
  );
  cleanups.push(
    () => db.close(),
    () => log.close(),
  );
  return log;
}

async function openReadyLog(url: string): Promise<SlowQueryLog> {
  const log = openLog(url);
  await log.ensureTable();
  return log;
}

async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

const slow = { durationMs: 200 };

async function storedCount(): Promise<number> {
  const [row] = await database.query('SELECT count(*)::int AS count FROM hyper_slow_queries');
  return Number(row?.['count']);
}

describe('a slow-query log', () => {
  it('holds its rows while the server is away, and writes them when it is back', async () => {
    const log = await openReadyLog(proxy.url);
    await log.record('SELECT 1', slow);
    proxy.refuse();
    expect(await elapsedMs(() => log.record('SELECT 2', slow))).toBeLessThan(PROMPT_MS);
    expect(await elapsedMs(() => log.record('SELECT 3', slow))).toBeLessThan(PROMPT_MS);
    expect(log.counts()).toMatchObject({ written: 1, pending: 2, dropped: 0, isOff: false });
    expect(warnings).toHaveLength(1);
    proxy.forward();
    await log.flush();
    expect(log.counts()).toMatchObject({ written: 3, pending: 0, dropped: 0 });
    expect(await storedCount()).toBe(3);
  });

  it('survives a server that stops for good', async () => {
    const server = await launchPostgres();
    cleanups.push(() => server.stop());
    const log = await openReadyLog(server.url);
    await log.record('SELECT 1', slow);
    await server.stop();
    expect(await elapsedMs(() => log.record('SELECT 2', slow))).toBeLessThan(PROMPT_MS);
    await log.flush();
    expect(log.counts()).toMatchObject({ written: 1, pending: 1 });
    await expect(log.getRecent()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await elapsedMs(() => log.close())).toBeLessThan(PROMPT_MS);
    expect(log.counts()).toMatchObject({ written: 1, pending: 0, dropped: 1, isOff: true });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/tries again later \(\w+\)/);
  });

  it('survives a connection on which nothing comes back', async () => {
    const log = await openReadyLog(proxy.url);
    await log.record('SELECT 1', slow);
    proxy.blackHole();
    expect(await elapsedMs(() => log.record('SELECT 2', slow))).toBeLessThan(PROMPT_MS);
    expect(log.counts()).toMatchObject({ written: 1, pending: 1 });
    proxy.forward();
    // The write that hangs is given up after five seconds.
    await until('the hanging write to fail', () => log.counts().failedWrites === 1);
    await log.flush();
    expect(log.counts()).toMatchObject({ written: 2, pending: 0, dropped: 0 });
    expect(await storedCount()).toBe(2);
  });

  it('drops the oldest of more rows than it holds, and counts them', async () => {
    const log = await openReadyLog(proxy.url);
    await log.record('SELECT 1', slow);
    proxy.refuse();
    await log.record('SELECT 1', slow);
    for (let index = 1; index <= 1_300; index += 1) {
      void log.record('SELECT 1', { durationMs: 1_000 + index });
    }
    expect(log.counts()).toMatchObject({ written: 1, pending: 1_000, dropped: 301 });
    proxy.forward();
    await log.flush();
    await until('all to be written', () => log.counts().pending === 0);
    const [row] = await database.query(
      `SELECT min(duration_ms) AS min, max(duration_ms) AS max, count(*)::int AS count
       FROM hyper_slow_queries WHERE duration_ms > 1000`,
    );
    expect(row).toEqual({ min: 1_301, max: 2_300, count: 1_000 });
  });

  it('waits out a time in which transactions are read-only by default', async () => {
    await (await openReadyLog(database.urlFor(role))).close();
    await database.query(`ALTER ROLE ${role.name} SET default_transaction_read_only = on`);
    const log = openLog(database.urlFor(role));
    try {
      await log.record('SELECT 1', slow);
      expect(log.counts()).toMatchObject({ pending: 1, dropped: 0, isOff: false });
      expect(warnings).toEqual([expect.stringContaining('(25006)')]);
    } finally {
      await database.query(`ALTER ROLE ${role.name} RESET default_transaction_read_only`);
    }
    await log.flush();
    expect(log.counts()).toMatchObject({ written: 1, pending: 0 });
  });

  it('is off where it may not write, says so once, and is on again with the right', async () => {
    const owner = await openReadyLog(database.url);
    const log = openLog(database.urlFor(role));
    await log.record('SELECT 1', slow);
    await log.record('SELECT 2', slow);
    expect(log.counts()).toMatchObject({ dropped: 2, pending: 0, failedWrites: 1, isOff: true });
    expect(warnings).toEqual([expect.stringContaining('off')]);
    expect(warnings[0]).toContain('42501');
    await database.query(`GRANT INSERT ON hyper_slow_queries TO ${role.name}`);
    await database.query(`GRANT USAGE ON SEQUENCE hyper_slow_queries_id_seq TO ${role.name}`);
    await log.ensureTable();
    await log.record('SELECT 3', slow);
    expect(log.counts()).toMatchObject({ written: 1, dropped: 2, isOff: false });
    expect(await owner.getRecent()).toHaveLength(1);
  });

  it('is off where its table is missing, until ensureTable', async () => {
    const log = openLog(database.urlFor(role));
    await log.record('SELECT 1', slow);
    expect(log.counts()).toMatchObject({ dropped: 1, isOff: true });
    expect(warnings).toEqual([expect.stringContaining('42P01')]);
    await log.ensureTable();
    await log.record('SELECT 2', slow);
    expect(log.counts()).toMatchObject({ written: 1, dropped: 1, isOff: false });
  });

  it('gives up a write that a lock holds up, and writes it once when the lock is gone', async () => {
    const log = await openReadyLog(database.urlFor(role));
    const holder = new Database(database.url);
    cleanups.push(() => holder.close());
    await holder.transaction(async (tx) => {
      await tx.execute('LOCK TABLE hyper_slow_queries IN ACCESS EXCLUSIVE MODE');
      expect(await elapsedMs(() => log.record('SELECT 1', slow))).toBeLessThan(PROMPT_MS);
      await until('the server to cancel it', () => log.counts().failedWrites === 1);
      expect(warnings).toEqual([expect.stringContaining('(57014)')]);
    });
    await log.flush();
    expect(log.counts()).toMatchObject({ written: 1, pending: 0, dropped: 0 });
    expect(await storedCount()).toBe(1);
  });

  it('is not stopped by a statement_timeout of the role’s', async () => {
    const log = await openReadyLog(database.urlFor(role));
    await log.close();
    await database.query(`ALTER ROLE ${role.name} SET statement_timeout = '1ms'`);
    try {
      const hurried = openLog(database.urlFor(role));
      await Promise.all(Array.from({ length: 100 }, () => hurried.record('SELECT 1', slow)));
      expect(hurried.counts()).toMatchObject({ written: 100, failedWrites: 0 });
    } finally {
      await database.query(`ALTER ROLE ${role.name} RESET statement_timeout`);
    }
  });

  it('ends its hanging connection when it is closed, within half a second', async () => {
    const log = await openReadyLog(proxy.url);
    proxy.blackHole();
    void log.record('SELECT 1', slow);
    expect(await elapsedMs(() => log.close())).toBeLessThan(PROMPT_MS);
    await log.close();
    await until('the row to be given up', () => log.counts().pending === 0);
    expect(log.counts()).toMatchObject({ dropped: 1, isOff: true });
    await log.record('SELECT 2', slow);
    expect(log.counts()).toMatchObject({ dropped: 2 });
    await expect(log.getRecent()).rejects.toMatchObject({ code: 'ERR_HYPERDJANGO_STATE' });
  });

  it('leaves no connection behind', async () => {
    const log = await openReadyLog(database.url);
    await log.record('SELECT 1', slow);
    const connections = async (): Promise<number> => {
      const rows = await database.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database()
         AND usename = current_user AND application_name = 'hyperdjango'`,
      );
      return rows.length;
    };
    expect(await connections()).toBe(1);
    await log.close();
    await until('the connection to end', async () => (await connections()) === 0);
  });
});

describe('a process with rows that wait', () => {
  const fixture = `${ROOT}test/fixtures/pool/pending-rows.mjs`;

  it('writes them and ends by itself', async () => {
    const log = await openReadyLog(database.url);
    const { code, stderr } = await runNode([fixture, database.url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await log.getRecent({ limit: 100 })).toHaveLength(25);
  });

  it.each(['blackHole', 'refuse'] as const)(
    'ends within a second where the server is away (%s)',
    async (fault) => {
      await openReadyLog(database.url);
      proxy[fault]();
      const run = startNode([fixture, proxy.url]);
      expect(await run.nextLine()).toBe('recorded');
      const lateMs = await elapsedMs(() => run.finished);
      const { code } = await run.finished;
      expect(code).toBe(0);
      expect(lateMs).toBeLessThan(1_000);
    },
  );
});
