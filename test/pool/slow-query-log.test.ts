import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { Database } from '../../src/database/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { SlowQueryLog, type SlowQueryLogOptions } from '../../src/pool/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import {
  createDatabase,
  createRole,
  type TestDatabase,
  type TestRole,
} from '../support/postgres.ts';
import { collectQueries } from '../support/recorded.ts';

let database: TestDatabase;
let db: Database;
let role: TestRole;

beforeAll(async () => {
  role = await createRole();
  database = await createDatabase();
  db = new Database(database.url);
});

afterAll(async () => {
  await db.close();
  await database.drop();
  await role.drop();
});

const opened: SlowQueryLog[] = [];

beforeEach(async () => {
  await database.query('DROP TABLE IF EXISTS hyper_slow_queries');
});

afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});

function openLog(options?: SlowQueryLogOptions, on = db): SlowQueryLog {
  const log = new SlowQueryLog(on, options);
  opened.push(log);
  return log;
}

async function openReadyLog(options?: SlowQueryLogOptions): Promise<SlowQueryLog> {
  const log = openLog(options);
  await log.ensureTable();
  return log;
}

describe('ensureTable', () => {
  it('creates an unlogged table with the promised columns and indexes', async () => {
    await openReadyLog();
    expect(
      await database.query(
        `SELECT relpersistence::text FROM pg_class WHERE oid = 'hyper_slow_queries'::regclass`,
      ),
    ).toEqual([{ relpersistence: 'u' }]);
    const columns = await database.query(
      `SELECT column_name, data_type, is_nullable, column_default
       FROM information_schema.columns WHERE table_name = 'hyper_slow_queries'
       ORDER BY ordinal_position`,
    );
    expect(columns.map((column) => Object.values(column))).toEqual([
      ['id', 'integer', 'NO', "nextval('hyper_slow_queries_id_seq'::regclass)"],
      ['sql_text', 'text', 'NO', null],
      ['duration_ms', 'real', 'NO', null],
      ['params_summary', 'text', 'YES', null],
      ['timestamp', 'timestamp with time zone', 'NO', 'now()'],
    ]);
    const indexes = await database.query<{ indexdef: string }>(
      `SELECT indexdef FROM pg_indexes WHERE tablename = 'hyper_slow_queries' ORDER BY 1`,
    );
    expect(indexes.map(({ indexdef }) => indexdef.replace(/^.* USING /, ''))).toEqual([
      'btree (duration_ms DESC)',
      'btree ("timestamp" DESC)',
      'btree (id)',
    ]);
  });

  it('keeps what is there when it is called again', async () => {
    const log = await openReadyLog();
    await log.record('SELECT 1', { durationMs: 200 });
    await log.ensureTable();
    await openLog().ensureTable();
    expect(await log.getRecent()).toHaveLength(1);
  });

  it('adds an index that is missing', async () => {
    const log = await openReadyLog();
    await database.query('DROP INDEX hyper_slow_queries_duration_ms_idx');
    await log.ensureTable();
    expect(
      await database.query(`SELECT to_regclass('hyper_slow_queries_duration_ms_idx') AS there`),
    ).toEqual([{ there: 'hyper_slow_queries_duration_ms_idx' }]);
  });

  it('succeeds for each of many that call it at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      await database.query('DROP TABLE IF EXISTS hyper_slow_queries');
      const logs = Array.from({ length: 8 }, () => openLog());
      await Promise.all(logs.map((log) => log.ensureTable()));
      for (const log of opened.splice(0)) await log.close();
    }
    expect(
      await database.query(
        `SELECT count(*)::int AS count FROM pg_indexes WHERE tablename = 'hyper_slow_queries'`,
      ),
    ).toEqual([{ count: 3 }]);
  });

  it('creates a logged table where the server refuses an unlogged one', async () => {
    await database.query(`
      CREATE FUNCTION refuse_unlogged() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() JOIN pg_class ON oid = objid
                   WHERE relpersistence = 'u') THEN
          RAISE EXCEPTION 'unlogged tables are not supported' USING ERRCODE = '0A000';
        END IF;
      END $$`);
    await database.query(
      'CREATE EVENT TRIGGER no_unlogged ON ddl_command_end EXECUTE FUNCTION refuse_unlogged()',
    );
    try {
      const log = await openReadyLog();
      expect(
        await database.query(
          `SELECT relpersistence::text FROM pg_class WHERE oid = 'hyper_slow_queries'::regclass`,
        ),
      ).toEqual([{ relpersistence: 'p' }]);
      await log.record('SELECT 1', { durationMs: 200 });
      expect(log.counts()).toMatchObject({ written: 1 });
    } finally {
      await database.query('DROP EVENT TRIGGER no_unlogged');
    }
  });

  it('needs no right to create where the table is there, and writing needs little', async () => {
    await openReadyLog();
    await database.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    await database.query(`GRANT INSERT ON hyper_slow_queries TO ${role.name}`);
    await database.query(`GRANT USAGE ON SEQUENCE hyper_slow_queries_id_seq TO ${role.name}`);
    const own = new Database(database.urlFor(role));
    try {
      const log = openLog({}, own);
      await log.ensureTable();
      await log.record('SELECT 1', { durationMs: 200 });
      expect(log.counts()).toMatchObject({ written: 1, dropped: 0, isOff: false });
    } finally {
      await database.query('GRANT CREATE ON SCHEMA public TO PUBLIC');
      await own.close();
    }
  });

  it('rejects with the server’s error where the table cannot be created', async () => {
    await database.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    const own = new Database(database.urlFor(role));
    try {
      await expect(openLog({}, own).ensureTable()).rejects.toMatchObject({ code: '42501' });
    } finally {
      await database.query('GRANT CREATE ON SCHEMA public TO PUBLIC');
      await own.close();
    }
  });
});

describe('record', () => {
  it('writes what took at least the threshold, and resolves when it is written', async () => {
    const log = await openReadyLog({ thresholdMs: 100 });
    await log.record('SELECT 99', { durationMs: 99.999 });
    await log.record('SELECT 100', { durationMs: 100 });
    const rows = await database.query('SELECT duration_ms FROM hyper_slow_queries');
    expect(rows).toEqual([{ duration_ms: 100 }]);
    expect(log.counts()).toEqual({
      written: 1,
      dropped: 0,
      pending: 0,
      failedWrites: 0,
      isOff: false,
    });
  });

  it('keeps no literal of the statement and no value of a parameter', async () => {
    const log = await openReadyLog();
    await log.record("SELECT * FROM people WHERE ssn = 'ZQX-1' AND age > 4711 AND id = $1", {
      durationMs: 200,
      params: [
        'ZQX-2',
        4711,
        null,
        undefined,
        true,
        12n,
        new Date(0),
        Buffer.from('ZQX'),
        ['ZQX-3', 'ZQX-4'],
        { ZQX: 'ZQX-5' },
      ],
    });
    const [row] = await log.getRecent();
    expect(JSON.stringify(row)).not.toMatch(/ZQX|4711/);
    expect(row?.sql).toContain('FROM people WHERE ssn = $');
    expect(row?.paramsSummary).toBe(
      'string(5), number, null × 2, boolean, bigint, Date, bytes(3), array(2), object',
    );
  });

  it('describes no parameters as null, and many within 500 characters', async () => {
    const log = await openReadyLog();
    const many = Array.from({ length: 3_000 }, (_, index) => 'x'.repeat(index % 7));
    await log.record('SELECT 1', { durationMs: 200, params: [] });
    await log.record('SELECT 1', { durationMs: 200, params: many });
    await log.record('SELECT 1', { durationMs: 200, params: Array(60_000).fill(7) });
    const summaries = (await log.getRecent()).map(({ paramsSummary }) => paramsSummary);
    expect(summaries).toEqual(['number × 60000', expect.stringMatching(/^string\(0\), /), null]);
    expect(summaries[1]).toHaveLength(500);
  });

  it('cuts a statement at 2,000 characters and splits none of them', async () => {
    const log = await openReadyLog();
    const head = `SELECT * FROM "${'a'.repeat(1_900)}`;
    await log.record(`${head}${'🐘'.repeat(200)}"`, { durationMs: 200 });
    await log.record(`SELECT ${'a, '.repeat(10_000)} b FROM t`, { durationMs: 200 });
    const rows = await database.query(
      `SELECT length(sql_text) AS length, sql_text FROM hyper_slow_queries ORDER BY id`,
    );
    expect(rows.map(({ length }) => length)).toEqual([2_000, 2_000]);
    expect(rows[0]?.['sql_text']).toBe(`${head}${'🐘'.repeat(2_000 - head.length)}`);
  });

  it('takes statements that PostgreSQL could not store as they are', async () => {
    const log = await openReadyLog();
    await log.record('SELECT a\0b FROM t', { durationMs: 200 });
    await log.record('SELECT "\ud83d" FROM t', { durationMs: 200 });
    await log.record('', { durationMs: 200 });
    expect(log.counts()).toMatchObject({ written: 3, dropped: 0 });
  });

  it('never throws or rejects, whatever it is given, and counts it as a fault', async () => {
    const log = await openReadyLog();
    const faults = getRecorder().faultCount;
    const record = log.record.bind(log) as (...args: unknown[]) => Promise<void>;
    for (const args of [
      [],
      ['SELECT 1'],
      ['SELECT 1', {}],
      ['SELECT 1', { durationMs: Number.NaN }],
      ['SELECT 1', { durationMs: -1 }],
      ['SELECT 1', { durationMs: Infinity }],
      [Object.create(null), { durationMs: 200 }],
    ]) {
      await expect(record(...args)).resolves.toBeUndefined();
    }
    expect(getRecorder().faultCount - faults).toBe(7);
    expect(await log.getRecent()).toEqual([]);
  });

  it('dates a row by the end of its query, on the server’s clock', async () => {
    const log = await openReadyLog();
    const [before] = await database.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    await log.record('SELECT 1', { durationMs: 200 });
    const [after] = await database.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    const [row] = await log.getRecent();
    expect(row?.timestamp.getTime()).toBeGreaterThanOrEqual((before?.now.getTime() ?? 0) - 2);
    expect(row?.timestamp.getTime()).toBeLessThanOrEqual(after?.now.getTime() ?? 0);
  });

  it('writes in batches', async () => {
    const log = await openReadyLog();
    await database.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    await Promise.all(
      Array.from({ length: 450 }, (_, index) =>
        log.record(`SELECT c${index} FROM t`, { durationMs: 100 + index }),
      ),
    );
    const [insert] = await database.query(
      `SELECT calls::int, rows::int FROM pg_stat_statements
       WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND query LIKE 'INSERT INTO hyper_slow_queries%'
       ORDER BY stats_since DESC LIMIT 1`,
    );
    expect(log.counts()).toMatchObject({ written: 450 });
    const [{ first, last } = {}] = await database.query(
      `SELECT min(duration_ms) AS first, max(duration_ms) AS last FROM hyper_slow_queries`,
    );
    expect([first, last]).toEqual([100, 549]);
    expect(insert).toBeDefined();
    expect(Number(insert?.['calls'])).toBeLessThan(60);
  });

  it('takes no connection of the application’s, and its own queries are not recorded', async () => {
    const seen = collectQueries();
    const unscoped = getRecorder().unscopedQueryCount;
    const before = db.poolStats();
    const log = await openReadyLog();
    await log.record('SELECT 1', { durationMs: 200 });
    await log.getRecent();
    expect(db.poolStats()).toEqual(before);
    expect(seen).toEqual([]);
    expect(getRecorder().unscopedQueryCount).toBe(unscoped);
  });
});

describe('getRecent', () => {
  it('gives the newest rows first, as many as asked for', async () => {
    const log = await openReadyLog();
    for (const durationMs of [300, 100, 200]) await log.record('SELECT 1', { durationMs });
    expect((await log.getRecent()).map(({ durationMs }) => durationMs)).toEqual([200, 100, 300]);
    const [row, ...others] = await log.getRecent({ limit: 1 });
    expect(others).toEqual([]);
    expect(row).toEqual({
      id: 3,
      sql: expect.stringMatching(/^SELECT \$/),
      durationMs: 200,
      paramsSummary: null,
      timestamp: expect.any(Date),
    });
  });

  it('does not depend on type parsers that the application has set', async () => {
    const log = await openReadyLog();
    await log.record('SELECT 1', { durationMs: 200.5 });
    const { INT4, FLOAT4, FLOAT8, NUMERIC, TEXT } = pg.types.builtins;
    const originals = [INT4, FLOAT4, FLOAT8, NUMERIC, TEXT].map(
      (type) => [type, pg.types.getTypeParser(type)] as const,
    );
    try {
      for (const [type] of originals) pg.types.setTypeParser(type, () => 'mine');
      expect(await log.getRecent()).toMatchObject([{ id: 1, durationMs: 200.5 }]);
    } finally {
      for (const [type, parser] of originals) pg.types.setTypeParser(type, parser);
    }
  });

  it('rejects with the server’s error where the table is missing', async () => {
    await expect(openLog().getRecent()).rejects.toMatchObject({ code: '42P01' });
  });

  it.each([0, 1.5, -1, 10_001, '5', null])('rejects the limit %s by name', async (limit) => {
    const log = openLog();
    await expect(log.getRecent({ limit: limit as number })).rejects.toThrow(
      /^SlowQueryLog\.getRecent\.limit: expected an integer from 1 to 10000, got /,
    );
  });
});

describe('maxRows', () => {
  it('lets the oldest rows go', async () => {
    const log = await openReadyLog({ maxRows: 10 });
    const record = (count: number): Promise<unknown> =>
      Promise.all(Array.from({ length: count }, () => log.record('SELECT 1', { durationMs: 100 })));
    await record(990);
    expect(await log.getRecent({ limit: 1_000 })).toHaveLength(990);
    await record(10);
    expect((await log.getRecent({ limit: 1_000 })).map(({ id }) => id)).toEqual([
      1000, 999, 998, 997, 996, 995, 994, 993, 992, 991,
    ]);
  });
});

describe('the constructor', () => {
  it.each([
    [undefined, {}, /^new SlowQueryLog\(db\): expected a Database or a pg\.Pool, got undefined$/],
    [{}, {}, /^new SlowQueryLog\(db\): expected a Database or a pg\.Pool, got an object$/],
    [null, {}, /^new SlowQueryLog\(db\): expected a Database or a pg\.Pool, got null$/],
    ['db', { thresholdMs: -1 }, /^SlowQueryLog\.thresholdMs: .* got -1$/],
    ['db', { thresholdMs: '100' }, /^SlowQueryLog\.thresholdMs: .* got a string/],
    ['db', { maxRows: 0 }, /^SlowQueryLog\.maxRows: .* got 0$/],
    ['db', { treshold: 1 }, /^SlowQueryLog\.treshold: expected one of thresholdMs, maxRows/],
    ['db', null, /^SlowQueryLog: expected an options object, got null$/],
  ])('refuses %s with %j', (first, options, message) => {
    const make = (): unknown =>
      new SlowQueryLog((first === 'db' ? db : first) as Database, options as SlowQueryLogOptions);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
});
