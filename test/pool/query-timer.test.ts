import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Database } from '../../src/database/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { QueryTimer, type QueryTimerOptions, SlowQueryLog } from '../../src/pool/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/processes.ts';

let database: TestDatabase;
let db: Database;
let slowLog: SlowQueryLog;

beforeAll(async () => {
  database = await createDatabase();
  db = new Database({ connectionString: database.url, max: 2 });
  slowLog = new SlowQueryLog(db, { thresholdMs: 20 });
  await slowLog.ensureTable();
});

const timers: QueryTimer[] = [];

afterEach(async () => {
  for (const timer of timers.splice(0)) timer.uninstall();
  await slowLog.flush();
  await database.query('TRUNCATE hyper_slow_queries RESTART IDENTITY');
});

afterAll(async () => {
  await slowLog.close();
  await db.close();
  await database.drop();
});

function install(options: QueryTimerOptions = { slowLog, thresholdMs: 20 }, on = db): QueryTimer {
  const timer = new QueryTimer(on, options);
  timers.push(timer);
  timer.install();
  return timer;
}

async function logged(): Promise<string[]> {
  await slowLog.flush();
  return (await slowLog.getRecent()).map(({ sql }) => sql).toReversed();
}

const sleep = 'SELECT pg_sleep($1)';

describe('an installed QueryTimer', () => {
  it('sends slow queries to the log, and only these, with types instead of values', async () => {
    install();
    await db.query(sleep, [0.05]);
    await db.query('SELECT 1');
    await db.execute('SELECT pg_sleep(0.05)');
    expect(await logged()).toEqual([sleep, expect.stringMatching(/^SELECT pg_sleep\(\$/)]);
    const [last, first] = await slowLog.getRecent();
    expect(first?.durationMs).toBeGreaterThanOrEqual(50);
    expect([first?.paramsSummary, last?.paramsSummary]).toEqual(['number', null]);
  });

  it('sees transactions, the pool underneath and failing queries', async () => {
    install();
    await db.transaction(async (tx) => tx.query(`${sleep} AS in_transaction`, [0.05]));
    await db.pool.query(`${sleep} AS on_pool`, [0.05]);
    await expect(
      db.query(`SELECT pg_sleep($1), 1 / (random() * 0)::int`, [0.05]),
    ).rejects.toThrow();
    const texts = await logged();
    expect(texts.slice(0, 2)).toEqual([`${sleep} AS in_transaction`, `${sleep} AS on_pool`]);
    expect(texts).toHaveLength(3);
  });

  it('logs a query once, however many timers look', async () => {
    const first = install();
    first.install();
    install();
    install({ slowLog });
    await db.query(sleep, [0.12]);
    expect(await logged()).toEqual([sleep]);
  });

  it('minds its own database only', async () => {
    install();
    const other = new Database(database.url);
    const client = new pg.Client(database.url);
    await client.connect();
    await other.query(sleep, [0.05]);
    await client.query(sleep, [0.05]);
    await client.end();
    await other.close();
    expect(await logged()).toEqual([]);
  });

  it('keeps to its own threshold and to the log’s', async () => {
    install({ slowLog, thresholdMs: 200 });
    await db.query(sleep, [0.05]);
    expect(await logged()).toEqual([]);
    install({ slowLog, thresholdMs: 0 });
    await db.query('SELECT 1');
    expect(await logged()).toEqual([]);
  });

  it('counts no wait for a connection as time of the query', async () => {
    install({ slowLog, thresholdMs: 20 });
    await Promise.all([db.query(sleep, [0.1]), db.query(sleep, [0.1]), db.query('SELECT 1')]);
    expect(await logged()).toEqual([sleep, sleep]);
  });

  it('is silent after uninstall, and times again after another install', async () => {
    const timer = install();
    timer.uninstall();
    timer.uninstall();
    await db.query(sleep, [0.05]);
    expect(await logged()).toEqual([]);
    timer.install();
    await db.query(sleep, [0.05]);
    expect(await logged()).toEqual([sleep]);
  });

  it('needs no log', async () => {
    const timer = install({});
    await db.query(sleep, [0.01]);
    expect(timer.thresholdMs).toBe(100);
    expect(await timer.drain({ timeoutSeconds: 0 })).toBe(true);
  });
});

describe('drain', () => {
  it('waits for queries that run and for callers that wait for a connection', async () => {
    const timer = install();
    const work = Array.from({ length: 6 }, () => db.query(sleep, [0.05]));
    expect(db.poolStats().waiting).toBeGreaterThanOrEqual(4);
    let doneCount = 0;
    for (const each of work) void each.then(() => (doneCount += 1));
    expect(await timer.drain({ timeoutSeconds: 10 })).toBe(true);
    expect(doneCount).toBe(6);
    expect(await database.query('SELECT FROM hyper_slow_queries')).toHaveLength(6);
  });

  it('waits for the end of a transaction between two statements', async () => {
    const timer = install();
    let commit: (() => void) | undefined;
    const work = db.transaction(async (tx) => {
      await tx.query('SELECT 1');
      await new Promise<void>((resolve) => (commit = resolve));
    });
    await until('the statement to end', () => commit !== undefined);
    expect(await timer.drain({ timeoutSeconds: 0.05 })).toBe(false);
    commit?.();
    expect(await timer.drain({ timeoutSeconds: 10 })).toBe(true);
    await work;
  });

  it('gives false where something is still in flight at the end of its time', async () => {
    const timer = install();
    const work = db.query(sleep, [0.5]);
    const startMs = performance.now();
    expect(await timer.drain({ timeoutSeconds: 0.1 })).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(400);
    expect(await timer.drain({ timeoutSeconds: 0 })).toBe(false);
    await work;
    expect(await timer.drain({ timeoutSeconds: 0 })).toBe(true);
  });

  it('sees a query on a client that was given back too early', async () => {
    const timer = install();
    const client = await db.pool.connect();
    const work = client.query(sleep, [0.2]);
    client.release();
    expect(db.poolStats()).toMatchObject({ active: 0, waiting: 0 });
    expect(await timer.drain({ timeoutSeconds: 0 })).toBe(false);
    expect(await timer.drain()).toBe(true);
    await work;
  });

  it('is true at once where nothing runs, before install and after close too', async () => {
    const own = new Database(database.url);
    const timer = new QueryTimer(own);
    expect(await timer.drain()).toBe(true);
    await own.close();
    expect(await timer.drain()).toBe(true);
  });
});

describe('bad options', () => {
  it.each([
    [undefined, {}, /^new QueryTimer\(db\): expected a Database or a pg\.Pool, got undefined$/],
    ['db', { slowLog: {} }, /^QueryTimer\.slowLog: expected a SlowQueryLog, got an object$/],
    ['db', { thresholdMs: Number.NaN }, /^QueryTimer\.thresholdMs: .* got NaN$/],
    ['db', { threshold: 5 }, /^QueryTimer\.threshold: expected one of slowLog, thresholdMs/],
  ])('%s with %o are refused by name', (first, options, message) => {
    const make = (): unknown =>
      new QueryTimer((first === 'db' ? db : first) as Database, options as QueryTimerOptions);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });

  it.each([-1, Number.NaN, 86_401, '3', null])('drain refuses %s seconds', async (seconds) => {
    await expect(install().drain({ timeoutSeconds: seconds as number })).rejects.toThrow(
      /^QueryTimer\.drain\.timeoutSeconds: expected a number from 0 to 86400, got /,
    );
  });
});
