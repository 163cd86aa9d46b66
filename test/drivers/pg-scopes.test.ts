import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { instrument, uninstrument } from '../../src/drivers/index.ts';
import { describeCallSite, getRecorder, type RecordedQuery } from '../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { collectQueries, inScope } from '../support/recorded.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  instrument(pg);
});

afterAll(async () => {
  await database.drop();
});

describe('uninstrument', () => {
  it('records what is in flight to its end, and frees its place', async () => {
    const seen = collectQueries();
    const client = new pg.Client(database.url);
    await client.connect();
    const running = client.query('SELECT pg_sleep(0.05)');
    const waiting = client.query('SELECT 1 AS waiting');
    uninstrument(pg);
    const after = client.query('SELECT 1 AS after');
    await Promise.all([running, waiting, after]);
    await client.end();
    instrument(pg);
    expect(seen.map(({ sql }) => sql)).toEqual(['SELECT pg_sleep(0.05)', 'SELECT 1 AS waiting']);
    expect(getRecorder().core.snapshot().inFlightQueries).toEqual([]);
  });
});

describe('a connection', () => {
  it('that a scope opened keeps nothing of it: notifications belong to no scope', async () => {
    const seen = collectQueries();
    const client = new pg.Client(database.url);
    await inScope('GET /subscribe', async () => {
      await client.connect();
      await client.query('LISTEN news');
    });
    const heard = new Promise<void>((resolve) => {
      client.on('notification', () => {
        void client.query('SELECT 1 AS heard').then(() => resolve());
      });
    });
    await database.query('NOTIFY news');
    await heard;
    await client.end();
    expect(seen.find(({ sql }) => sql.includes('heard'))?.scope).toBeUndefined();
    expect(seen.find(({ sql }) => sql.includes('LISTEN'))?.scope?.name).toBe('GET /subscribe');
  });

  it('gives its callback in the scope that opened it', async () => {
    const seen = collectQueries();
    const client = new pg.Client(database.url);
    await inScope('GET /', async () => {
      await new Promise<void>((resolve) => {
        client.connect(() => client.query('SELECT 1 AS connected', () => resolve()));
      });
    });
    await client.end();
    expect(seen.map(({ scope }) => scope?.name)).toEqual(['GET /']);
  });

  it('gives the rows of a Query in the scope of that query', async () => {
    const seen = collectQueries();
    const [client, other] = [new pg.Client(database.url), new pg.Client(database.url)];
    await Promise.all([client.connect(), other.connect()]);
    await inScope('GET /rows', async () => {
      const query = new pg.Query('SELECT generate_series(1, 2) AS n');
      const asked: Promise<unknown>[] = [];
      query.on('row', ({ n }: { n: number }) => asked.push(other.query('SELECT $1::int', [n])));
      await new Promise((resolve) => {
        query.on('end', resolve);
        client.query(query);
      });
      await Promise.all(asked);
    });
    await Promise.all([client.end(), other.end()]);
    expect(seen.map(({ scope }) => scope?.name)).toEqual(['GET /rows', 'GET /rows', 'GET /rows']);
  });
});

describe('a record', () => {
  it('keeps the SQLSTATE of an error and nothing else of it', async () => {
    const pool = new pg.Pool({ connectionString: database.url });
    const scope = await inScope('GET /', async () => {
      await pool.query("SELECT 'secret'::int").catch(() => {});
      await pool.query('SELECT 1');
    });
    await pool.end();
    expect(scope.queries.map(({ sqlState }) => sqlState)).toEqual(['22P02', undefined]);
    const strings = (record: RecordedQuery): string =>
      JSON.stringify(Object.entries(record).filter(([key]) => key !== 'scope' && key !== 'source'));
    expect(scope.queries.map(strings).join('')).not.toContain('secret');
  });

  it('has no SQLSTATE where the error is none of the server’s', async () => {
    const seen = await inScope('GET /', async () => {
      const client = new pg.Client({ connectionString: database.url, query_timeout: 20 });
      await client.connect();
      await client.query('SELECT pg_sleep(1)').catch(() => {});
      await client.end();
    });
    expect(seen.queries.map(({ outcome, sqlState }) => [outcome, sqlState])).toEqual([
      [1, undefined],
    ]);
  });

  it('tells the wait for a client, and what of it went into opening the connection', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const scope = await inScope('GET /', () =>
      Promise.all([pool.query('SELECT 1 AS opens'), pool.query('SELECT 1 AS waits')]),
    );
    await pool.end();
    const [opens, waits] = scope.queries;
    expect(opens?.connectNs).toBeGreaterThan(0);
    expect(opens?.poolWaitNs).toBeGreaterThanOrEqual(opens?.connectNs ?? 0);
    expect(waits?.connectNs).toBeUndefined();
    expect(waits?.poolWaitNs).toBeGreaterThan(opens?.durationNs ?? 0);
  });

  it('has its parameters, where the driver is given a configuration and a callback', async () => {
    const seen = collectQueries();
    const client = new pg.Client(database.url);
    await client.connect();
    await new Promise<void>((resolve) => {
      client.query({ text: 'SELECT $1::int', values: [7] }, () => resolve());
    });
    await client.end();
    expect(seen.map(({ values }) => values)).toEqual([[7]]);
  });

  it('knows who asked the pool, with a promise or a callback, from the second run on', async () => {
    const recorder = getRecorder();
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    async function askWithPromise(): Promise<void> {
      await pool.query('SELECT 1 AS promised');
    }
    function askWithCallback(): Promise<void> {
      return new Promise((resolve) => pool.query('SELECT 1 AS called_back', () => resolve()));
    }
    const scope = await inScope('GET /', async () => {
      for (let run = 0; run < 2; run += 1) await askWithPromise();
      for (let run = 0; run < 2; run += 1) await askWithCallback();
    });
    await pool.end();
    const sites = scope.queries.map((query) => recorder.callSite(query));
    expect(sites.map((site) => site && describeCallSite(site))).toEqual([
      undefined,
      expect.stringMatching(/^askWithPromise \(test\/drivers\/pg-scopes\.test\.ts:\d+\)$/),
      undefined,
      expect.stringMatching(/pg-scopes\.test\.ts:\d+\)?$/),
    ]);
  });
});

describe('a pool', () => {
  it('hands on what its clients send, with the scope that asked for it', async () => {
    /** As tools do that tell the server more of each query. */
    class Tagging extends pg.Client {
      override query(...[text, ...rest]: unknown[]): never {
        const tagged = typeof text === 'string' ? `${text} -- tagged` : text;
        return super.query(...([tagged, ...rest] as [never, never, never])) as never;
      }
    }
    const pool = new pg.Pool({ connectionString: database.url, max: 1, Client: Tagging });
    const scopes = await Promise.all(
      [1, 2, 3].map((n) => inScope(`GET /${n}`, () => pool.query('SELECT $1::int AS n', [n]))),
    );
    const seen = collectQueries();
    // The text of a prepared statement is known to its client alone.
    await pool.query({ name: 'two', text: 'SELECT $1::int * 2', values: [1] });
    const named = await inScope('GET /named', () =>
      Promise.all([
        pool.query('SELECT 1 AS busy'),
        pool.query({ name: 'two', values: [7] } as unknown as pg.QueryConfig),
      ]),
    );
    await pool.end();
    expect(scopes.map(({ queries }) => queries.map(({ source }) => source === pool))).toEqual([
      [true],
      [true],
      [true],
    ]);
    expect(named.queryCount).toBe(2);
    expect(seen.map(({ sql, values, scope }) => [sql, values, scope?.name])).toEqual([
      ['SELECT $1::int * 2', [1], undefined],
      ['SELECT 1 AS busy -- tagged', undefined, 'GET /named'],
      ['SELECT $1::int * 2', [7], 'GET /named'],
    ]);
  });

  it('counts as held neither what runs a query nor what the tool itself takes', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const first = pool.query('SELECT 1');
    // It gets its client from the query before it, in that one's context.
    const own = getRecorder().runUnrecorded(() => pool.query('SELECT 2'));
    await Promise.all([first, own]);
    const times = getRecorder()
      .pools.states()
      .findLast((state) => state.name.endsWith(`/${database.name}`))?.times;
    await pool.end();
    expect(times).toMatchObject({ checkoutCount: 2, connectCount: 1, heldCount: 0 });
  });

  it('books the opening of a connection on the checkout that waited for it alone', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const scope = await inScope('GET /', async () => {
      await pool.query('SELECT 1 AS opens');
      const held = await pool.connect();
      const waits = pool.query('SELECT 1 AS waits');
      await setImmediate();
      held.release();
      await waits;
    });
    await pool.end();
    const [opens, waits] = scope.queries;
    expect(opens?.connectNs).toBeGreaterThan(0);
    expect(waits?.poolWaitNs).toBeGreaterThan(0);
    expect(waits?.connectNs).toBeUndefined();
  });

  it('tells how long clients were waited for, opened and held', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const name = `/${database.name}`;
    const client = await pool.connect();
    const waiting = pool.query('SELECT 1');
    await setImmediate();
    client.release();
    await waiting;
    const times = getRecorder()
      .pools.states()
      .findLast((state) => state.name.endsWith(name))?.times;
    await pool.end();
    expect(times).toMatchObject({ checkoutCount: 2, connectCount: 1, heldCount: 1 });
    expect(times?.connectTotalMs).toBeGreaterThan(0);
    expect(times?.heldTotalMs).toBeGreaterThan(0);
    expect(times?.waitTotalMs).toBeGreaterThanOrEqual(times?.connectTotalMs ?? 0);
  });
});
