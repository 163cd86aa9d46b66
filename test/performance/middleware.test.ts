import { connect } from 'node:net';

import { Hono } from 'hono';
import { serve } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { HyperApp, type ListeningApp } from '../../src/app/index.ts';
import { Database } from '../../src/database/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { performance as honoPerformance } from '../../src/frameworks/hono.ts';
import { PerformanceMiddleware, type PerformanceOptions } from '../../src/performance/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createDatabase();
  db = new Database({ connectionString: database.url, max: 5 });
  await db.execute('CREATE TABLE items (id int PRIMARY KEY, owner int, name text)');
  await db.execute(
    "INSERT INTO items SELECT i, i % 10, 'item ' || i FROM generate_series(1, 100) i",
  );
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

interface Shop {
  readonly perf: PerformanceMiddleware;
  readonly app: HyperApp;
  readonly listening: ListeningApp;
}

/** An application on a real socket, with one route for each thing that is looked at. */
async function startShop(options: PerformanceOptions = {}): Promise<Shop> {
  const perf = new PerformanceMiddleware(options);
  const app = new HyperApp('shop');
  app.get('/items/:id', async (c) =>
    c.json(await db.query('SELECT name FROM items WHERE id = $1', [c.req.param('id')])),
  );
  app.get('/owners', async (c) => {
    const owners = await db.query<{ owner: number }>('SELECT DISTINCT owner FROM items LIMIT 6');
    for (const { owner } of owners) {
      await db.query('SELECT name FROM items WHERE owner = $1', [owner]);
    }
    return c.text('ok');
  });
  app.get('/parallel/:count', async (c) => {
    const count = Number(c.req.param('count'));
    await Promise.all(
      Array.from({ length: count }, (_, id) =>
        db.query('SELECT name FROM items WHERE id = $1', [id]),
      ),
    );
    return c.text('ok');
  });
  app.get('/slow', async (c) => {
    await db.query("SELECT pg_sleep(0.25), 's3cret' AS hidden");
    return c.text('ok');
  });
  app.get('/transaction', async (c) => {
    await db.transaction((tx) => tx.query('SELECT 1 FROM items WHERE id = $1', [1]));
    return c.text('ok');
  });
  app.get('/error', async () => {
    await db.query('SELECT * FROM nowhere');
    return new Response();
  });
  app.get('/redirect', () => Response.redirect('http://localhost/items/1', 302));
  app.get('/stream', () => {
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      for (let id = 1; id <= 2; id += 1) {
        await db.query('SELECT name FROM items WHERE id = $1', [id]);
        yield new TextEncoder().encode('chunk\n');
      }
    };
    const iterator = chunks();
    return new Response(
      new ReadableStream({
        async pull(controller) {
          const { done, value } = await iterator.next();
          if (done === true) controller.close();
          else controller.enqueue(value);
        },
      }),
    );
  });
  app.use(perf);
  const listening = await app.listen({ port: 0 });
  onTestFinished(() => listening.close());
  return { perf, app, listening };
}

async function headersOf(shop: Shop, path: string, init: RequestInit = {}): Promise<unknown[]> {
  const response = await fetch(shop.listening.url + path, { redirect: 'manual', ...init });
  await response.arrayBuffer();
  const { headers, status } = response;
  return [status, headers.get('X-Query-Count'), headers.get('X-Query-Time')];
}

const TIME = expect.stringMatching(/^\d+\.\dms$/);

describe('response headers', () => {
  it('stand on every response: pages, errors, redirects, 404s, HEAD and streams', async () => {
    const shop = await startShop();
    expect(await headersOf(shop, '/items/1')).toEqual([200, '1', TIME]);
    expect(await headersOf(shop, '/owners')).toEqual([200, '7', TIME]);
    expect(await headersOf(shop, '/transaction')).toEqual([200, '3', TIME]);
    expect(await headersOf(shop, '/redirect')).toEqual([302, '0', '0.0ms']);
    expect(await headersOf(shop, '/nowhere')).toEqual([404, '0', '0.0ms']);
    expect(await headersOf(shop, '/items/1', { method: 'HEAD' })).toEqual([200, '1', TIME]);
    expect(await headersOf(shop, '/items/1', { method: 'OPTIONS' })).toEqual([404, '0', '0.0ms']);
    expect(await headersOf(shop, '/stream')).toEqual([200, expect.any(String), TIME]);
    const log = console.error;
    console.error = () => {};
    expect(await headersOf(shop, '/error')).toEqual([500, '1', TIME]);
    console.error = log;
  });

  it('give the sum of the durations, so more than the request took where they overlap', async () => {
    const shop = await startShop();
    shop.app.get('/sleep', async (c) => {
      await Promise.all(Array.from({ length: 4 }, () => db.query('SELECT pg_sleep(0.05)')));
      return c.text('ok');
    });
    const [, count, time] = await headersOf(shop, '/sleep');
    expect(count).toBe('4');
    expect(Number.parseFloat(String(time))).toBeGreaterThanOrEqual(200);
  });

  it('are left out with headers: false, and numbers are counted all the same', async () => {
    const shop = await startShop({ headers: false });
    expect(await headersOf(shop, '/items/1')).toEqual([200, null, null]);
    expect(shop.perf.getStats().totalQueries).toBe(1);
  });
});

describe('requests are told apart', () => {
  it('by 200 at once on a pool of 5, each with its own number of queries', async () => {
    const shop = await startShop();
    const counts = Array.from({ length: 200 }, (_, index) => index % 8);
    const seen = await Promise.all(
      counts.map(async (count) => {
        const [, header] = await headersOf(shop, `/parallel/${count}`);
        return Number(header);
      }),
    );
    expect(seen).toEqual(counts);
    await expect.poll(() => shop.perf.getStats().totalRequests).toBe(200);
    expect(shop.perf.getStats().totalQueries).toBe(counts.reduce((sum, count) => sum + count, 0));
  });
});

describe('getStats', () => {
  it('adds up requests and queries, 404s and errors included, and averages without rounding', async () => {
    const shop = await startShop();
    expect(shop.perf.getStats()).toEqual({
      totalRequests: 0,
      totalQueries: 0,
      avgQueriesPerRequest: 0,
      slowQueryCount: 0,
      nPlusOneCount: 0,
      recentSlowQueries: [],
      recentNPlusOne: [],
      unscopedQueries: 0,
      lateQueries: 0,
      ignores: [],
    });
    for (const path of ['/items/1', '/items/2', '/nowhere']) await headersOf(shop, path);
    await db.query('SELECT 1 AS outside');
    await expect.poll(() => shop.perf.getStats().totalRequests).toBe(3);
    expect(shop.perf.getStats()).toMatchObject({
      totalQueries: 2,
      avgQueriesPerRequest: 2 / 3,
      unscopedQueries: 1,
    });
  });

  it('counts a request whose client goes away, as aborted', async () => {
    const shop = await startShop();
    const arrived = new Promise<void>((resolve) => {
      shop.app.get('/hang', async (c) => {
        await db.query('SELECT 1 AS hanging');
        resolve();
        await new Promise((done) => c.req.raw.signal.addEventListener('abort', done));
        return c.text('too late');
      });
    });
    const socket = connect(shop.listening.port, '127.0.0.1');
    socket.write('GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await arrived;
    socket.destroy();
    await expect.poll(() => shop.perf.getStats().totalRequests).toBe(1);
    expect(shop.perf.getStats().totalQueries).toBe(1);
  });

  it('flags slow queries at or over the threshold, without a value of theirs', async () => {
    const shop = await startShop({ slowQueryThresholdMs: 200 });
    await headersOf(shop, '/slow');
    await headersOf(shop, '/items/1');
    await expect.poll(() => shop.perf.getStats().totalRequests).toBe(2);
    const { slowQueryCount, recentSlowQueries } = shop.perf.getStats();
    expect(slowQueryCount).toBe(1);
    expect(recentSlowQueries).toEqual([
      {
        sql: 'SELECT pg_sleep($1), $2 AS hidden',
        durationMs: expect.any(Number),
        route: 'GET /slow',
        timestamp: expect.any(Number),
        callSite: expect.toBeOneOf([null, expect.any(String)]) as unknown,
        sqlState: null,
      },
    ]);
    expect(recentSlowQueries[0]?.durationMs).toBeGreaterThanOrEqual(30);
    // A query that was slow is looked at more closely the next time.
    await headersOf(shop, '/slow');
    await expect.poll(() => shop.perf.getStats().slowQueryCount).toBe(2);
    expect(shop.perf.getStats().recentSlowQueries[0]?.callSite).toMatch(
      /^test\/performance\/middleware\.test\.ts:\d+$/,
    );
  });

  it('flags one statement that ran too often in one request, once for each request', async () => {
    const shop = await startShop({ nPlusOneThreshold: 6 });
    await headersOf(shop, '/owners');
    await headersOf(shop, '/parallel/5');
    await headersOf(shop, '/parallel/6');
    await headersOf(shop, '/owners');
    await expect.poll(() => shop.perf.getStats().totalRequests).toBe(4);
    expect(shop.perf.getStats()).toMatchObject({
      nPlusOneCount: 3,
      recentNPlusOne: [
        'SELECT name FROM items WHERE owner = $1',
        'SELECT name FROM items WHERE id = $1',
      ],
    });
  });

  it('does not flag transaction control, health checks, the catalogue or = ANY', async () => {
    const shop = await startShop({ nPlusOneThreshold: 2 });
    shop.app.get('/innocent', async (c) => {
      for (let id = 0; id < 3; id += 1) {
        await db.transaction((tx) =>
          tx.query(
            `SELECT name FROM items WHERE id = ${id} AND ${id} < ${id + 1}${' '.repeat(id)}`.replace(
              'name',
              ['name', 'owner', 'id'][id] ?? '',
            ),
          ),
        );
        await db.query('SELECT 1');
        await db.query("SELECT oid FROM pg_catalog.pg_class WHERE relname = 'items'");
        await db.query('SELECT name FROM items WHERE id = ANY($1)', [[id]]);
      }
      return c.text('ok');
    });
    await headersOf(shop, '/innocent');
    await expect.poll(() => shop.perf.getStats().totalQueries).toBe(18);
    expect(shop.perf.getStats().recentNPlusOne).toEqual([]);
  });

  it('counts queries that a request issues after its response', async () => {
    const shop = await startShop();
    let late: Promise<unknown> = Promise.resolve();
    shop.app.get('/late', (c) => {
      late = db.query('SELECT pg_sleep(0.01)').then(() => db.query('SELECT 1 AS late'));
      return c.text('ok');
    });
    await headersOf(shop, '/late');
    await late;
    await expect.poll(() => shop.perf.getStats().totalQueries).toBe(2);
    expect(shop.perf.getStats()).toMatchObject({ totalRequests: 1, unscopedQueries: 0 });
  });
});

describe('recordQuery', () => {
  it('inside a request belongs to it; outside it feeds the totals and the slow list', async () => {
    const shop = await startShop({ nPlusOneThreshold: 5 });
    shop.app.get('/manual', (c) => {
      for (let id = 0; id < 5; id += 1) {
        shop.perf.recordQuery(`SELECT x FROM remote WHERE id = ${id}`, { durationMs: 2.3 });
      }
      return c.text('ok');
    });
    expect(await headersOf(shop, '/manual')).toEqual([200, '5', '11.5ms']);
    await expect.poll(() => shop.perf.getStats().totalRequests).toBe(1);
    shop.perf.recordQuery("SELECT x FROM remote WHERE name = 's3cret'", { durationMs: 100 });
    expect(shop.perf.getStats()).toMatchObject({
      totalRequests: 1,
      totalQueries: 6,
      avgQueriesPerRequest: 6,
      slowQueryCount: 1,
      recentSlowQueries: [
        { sql: 'SELECT x FROM remote WHERE name = $1', durationMs: 100, route: null },
      ],
      recentNPlusOne: ['SELECT x FROM remote WHERE id = $1'],
      unscopedQueries: 0,
    });
  });

  it('never throws, and counts nothing it cannot read', () => {
    const perf = new PerformanceMiddleware();
    for (const durationMs of [Number.NaN, -1, Infinity, 'x', undefined]) {
      perf.recordQuery('SELECT 1', { durationMs: durationMs as number });
    }
    perf.recordQuery('SELECT 1', undefined as never);
    expect(perf.getStats().totalQueries).toBe(0);
  });
});

describe('several middlewares', () => {
  it('share one scope a request and count it once each, whichever order they come in', async () => {
    const first = new PerformanceMiddleware();
    const second = new PerformanceMiddleware({ slowQueryThresholdMs: 0, dashboardPath: '/second' });
    const hono = new Hono();
    hono.use(honoPerformance(first));
    hono.use(honoPerformance(second));
    hono.get('/items/:id', async (c) => c.json(await db.query('SELECT 1 AS one')));
    const response = await hono.request('/items/1');
    expect(response.headers.get('X-Query-Count')).toBe('1');
    expect(first.getStats()).toMatchObject({
      totalRequests: 1,
      totalQueries: 1,
      slowQueryCount: 0,
    });
    expect(second.getStats()).toMatchObject({
      totalRequests: 1,
      totalQueries: 1,
      slowQueryCount: 1,
    });
    expect(second.getStats().recentSlowQueries[0]?.route).toBe('GET /items/:id');
  });

  it('work under plain Hono on a real socket as under HyperApp', async () => {
    const perf = new PerformanceMiddleware();
    const hono = new Hono();
    hono.use(honoPerformance(perf));
    hono.get('/', async (c) => c.json(await db.query('SELECT 1 AS one')));
    const server = serve({ fetch: hono.fetch, port: 0, hostname: '127.0.0.1' });
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.json()).toEqual([{ one: 1 }]);
    expect(response.headers.get('X-Query-Count')).toBe('1');
    await expect.poll(() => perf.getStats().totalRequests).toBe(1);
  });
});

describe('the dashboard', () => {
  it('gives the seed’s JSON, and its own requests do not count', async () => {
    const shop = await startShop({ slowQueryThresholdMs: 200 });
    for (const path of ['/items/1', '/owners', '/slow']) await headersOf(shop, path);
    await expect.poll(() => shop.perf.getStats().totalRequests).toBe(3);
    const response = await fetch(`${shop.listening.url}/debug/performance/json`);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual({
      total_requests: 3,
      total_queries: 9,
      avg_queries_per_request: 3,
      slow_query_count: 1,
      n_plus_one_count: 1,
      recent_slow_queries: [
        {
          sql: 'SELECT pg_sleep($1), $2 AS hidden',
          duration_ms: expect.any(Number),
          route: 'GET /slow',
          timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
          call_site: expect.toBeOneOf([null, expect.any(String)]) as unknown,
          sql_state: null,
          statement_count: 1,
          is_statement_count_minimum: false,
          tables: [],
          models: [],
        },
      ],
      recent_n_plus_one: ['SELECT name FROM items WHERE owner = $1'],
      recent_failed_queries: expect.any(Array),
      unscoped_queries: 0,
      unseen_drivers: [],
      without_call_sites: [],
      late_queries: 0,
      waiting_for_client: { count: 0, longest_ms: 0 },
      pool_timeout_count: 0,
      fault_count: expect.any(Number),
      ignores: [],
    });
    expect(shop.perf.getStats().totalRequests).toBe(3);
    const page = await fetch(`${shop.listening.url}/debug/performance`);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  });

  it('is elsewhere with dashboardPath, and keeps as many requests as maxHistory', async () => {
    const shop = await startShop({ dashboardPath: '/perf', maxHistory: 2 });
    for (const id of [1, 2, 3]) await headersOf(shop, `/items/${id}`);
    await expect.poll(() => shop.perf.getStats().totalRequests).toBe(3);
    const data = (await (await fetch(`${shop.listening.url}/perf/data`)).json()) as {
      requests: { id: number; method: string; route: string; queryCount: number }[];
      statements: { sql: string; calls: number }[];
    };
    expect(data.requests).toMatchObject([
      { id: 3, method: 'GET', route: '/items/:id', status: 200, queryCount: 1, aborted: false },
      { id: 2 },
    ]);
    const [statement] = data.statements.filter(({ sql }) => sql.includes('FROM items WHERE id = '));
    expect(statement?.calls).toBeGreaterThanOrEqual(3);
  });
});

describe('options', () => {
  it.each([
    [{ slowQueryThresholdMs: -1 }, 'slowQueryThresholdMs: expected a number from 0 to'],
    [{ slowQueryThresholdMs: '100' }, 'slowQueryThresholdMs: expected a number from 0 to'],
    [{ slowQueryThresholdMs: Number.NaN }, 'slowQueryThresholdMs: expected a number from 0 to'],
    [{ nPlusOneThreshold: 1 }, 'nPlusOneThreshold: expected an integer from 2 to 1000000, got 1'],
    [
      { nPlusOneThreshold: 2.5 },
      'nPlusOneThreshold: expected an integer from 2 to 1000000, got 2.5',
    ],
    [{ maxHistory: 0 }, 'maxHistory: expected an integer from 1 to 100000, got 0'],
    [{ maxHistory: 1e9 }, 'maxHistory: expected an integer from 1 to 100000, got 1000000000'],
    [{ headers: 'yes' }, 'headers: expected true or false, got a string of 3 characters'],
    [{ authorize: true }, 'authorize: expected a function, got true'],
    [{ appName: '' }, 'appName: expected a string that is not empty, got an empty string'],
    [{ slowQueryThreshold: 1 }, 'slowQueryThreshold: expected one of slowQueryThresholdMs, '],
    [
      { dashboardPath: 'debug' },
      'dashboardPath: expected a path that begins with "/" and does not',
    ],
    [{ dashboardPath: '/' }, 'dashboardPath: expected a path that begins with "/" and does not'],
  ])('%j is refused at once', (options, message) => {
    const construct = (): PerformanceMiddleware => new PerformanceMiddleware(options as never);
    expect(construct).toThrow(OptionError);
    expect(construct).toThrow(message);
  });

  it('that is no object at all is refused', () => {
    expect(() => new PerformanceMiddleware(7 as never)).toThrow(
      'PerformanceMiddleware: expected an options object, got 7',
    );
  });
});
