import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { Database, type HyperApp, PerformanceMiddleware } from 'hyperdjango';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createDatabase();
  db = new Database(database.url);
  await db.execute('CREATE TABLE users (id int PRIMARY KEY, name text)');
  await db.execute('CREATE TABLE orders (user_id int, total int)');
  await db.execute("INSERT INTO users SELECT i, 'user ' || i FROM generate_series(1, 6) i");
  await db.execute('INSERT INTO orders SELECT 1 + i % 6, i FROM generate_series(1, 12) i');
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

async function listen(app: HyperApp): Promise<string> {
  const listening = await app.listen({ port: 0 });
  onTestFinished(() => listening.close());
  return listening.url;
}

async function profileOf(app: HyperApp, path: string): Promise<string | null> {
  const response = await fetch((await listen(app)) + path);
  await response.text();
  return response.headers.get('X-Profile');
}

const PROFILE =
  /^total=\d+\.\d{3}ms, handler=\d+\.\d{3}ms, db=\d+\.\d{3}ms, pool=\d+\.\d{3}ms, queries=1$/;

describe('examples', () => {
  it('putting it all together: headers, dashboard, profile, slow log table', async () => {
    const { createApp } = await import('../../examples/putting-it-all-together.ts');
    const url = await listen(createApp(database.url));
    const response = await fetch(`${url}/users`);
    expect(await response.json()).toHaveLength(6);
    expect(response.headers.get('X-Query-Count')).toBe('1');
    expect(response.headers.get('X-Query-Time')).toMatch(/^\d+\.\dms$/);
    expect(response.headers.get('X-Profile')).toMatch(PROFILE);
    const stats = (await (await fetch(`${url}/debug/performance/json`)).json()) as object;
    expect(stats).toMatchObject({ total_requests: 1, total_queries: 1, slow_query_count: 0 });
    const [table] = await database.query(
      "SELECT relpersistence FROM pg_class WHERE relname = 'hyper_slow_queries'",
    );
    expect(table).toEqual({ relpersistence: 'u' });
  });

  it('performance middleware: headers, recordQuery, statistics', async () => {
    const { createApp, stats } = await import('../../examples/performance-middleware.ts');
    const url = await listen(createApp(db));
    const users = await fetch(`${url}/users`);
    expect(users.headers.get('X-Query-Count')).toBe('1');
    const remote = await fetch(`${url}/remote`);
    expect(remote.headers.get('X-Query-Time')).toBe('2.3ms');
    await expect.poll(() => stats()).toMatchObject({ totalRequests: 2, totalQueries: 2 });
  });

  it('N+1: the loop is reported, the rewrite is not, and both answer the same', async () => {
    const { createApp } = await import('../../examples/n-plus-one.ts');
    const perf = new PerformanceMiddleware();
    const url = await listen(createApp(db, perf));
    const [before, after] = [await fetch(`${url}/before`), await fetch(`${url}/after`)];
    expect(before.headers.get('X-Query-Count')).toBe('7');
    expect(after.headers.get('X-Query-Count')).toBe('2');
    const totals = async (response: Response): Promise<unknown> =>
      ((await response.json()) as { id: number; orders: { total: number }[] }[]).map((user) => [
        user.id,
        user.orders.map(({ total }) => total).sort((a, b) => a - b),
      ]);
    expect(await totals(after)).toEqual(await totals(before));
    await expect.poll(() => perf.getStats().totalRequests).toBe(2);
    expect(perf.getStats().recentNPlusOne).toEqual(['SELECT total FROM orders WHERE user_id = $1']);
  });

  it('slow query log: slow statements land in the table, and the timer drains', async () => {
    const { watch, slowestOfTheHour, stop } = await import('../../examples/slow-query-log.ts');
    const watched = await watch(db, 20);
    await db.query('SELECT pg_sleep(0.03)');
    await db.query('SELECT 1 AS fast');
    expect(await stop(watched)).toBe(true);
    expect(await slowestOfTheHour(db)).toEqual([
      {
        sql_text: 'SELECT pg_sleep($1)',
        duration_ms: expect.any(Number),
        timestamp: expect.any(Date),
      },
    ]);
  });

  it('profiling: one handler, a wrapped one, the whole application, nanoseconds', async () => {
    const examples = await import('../../examples/profiling.ts');
    expect(await profileOf(examples.createApp(db), '/users')).toMatch(PROFILE);
    expect(await profileOf(examples.createApp(db), '/count')).toMatch(PROFILE);
    expect(await profileOf(examples.createApp(db), '/plain')).toBeNull();
    const everywhere = await profileOf(examples.createProfiledApp(db), '/plain');
    expect(everywhere).toMatch(/^total=.+ms, handler=.+ms, db=0\.000ms, pool=0\.000ms, queries=0$/);
    expect(await examples.timeQuery(db)).toBeGreaterThan(0n);
  });

  it('pool monitoring: connections are checked and counted', async () => {
    const { createApp } = await import('../../examples/pool-monitoring.ts');
    await db.query('SELECT 1');
    const url = await listen(createApp(db));
    const health = (await (await fetch(`${url}/health`)).json()) as object;
    expect(health).toEqual({
      connections: { checked: expect.any(Number), dead: 0, removed: 0 },
      pool: { total: expect.any(Number), idle: expect.any(Number), active: 0, waiting: 0, max: 10 },
    });
  });

  it('Express: one line, and routes by their patterns', async () => {
    const { createApp, stats } = await import('../../examples/express.ts');
    const server = createServer(createApp(db));
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const response = await fetch(`${url}/users/1`);
    expect(response.headers.get('X-Query-Count')).toBe('1');
    expect(await response.json()).toEqual({ id: 1, name: 'user 1' });
    expect((await fetch(`${url}/users/7`)).status).toBe(404);
    await expect.poll(() => stats()).toMatchObject({ totalRequests: 2, totalQueries: 2 });
    const data = await (await fetch(`${url}/debug/performance/data`)).json();
    expect((data as { requests: unknown[] }).requests).toMatchObject([
      { method: 'GET', route: '/users/:id', status: 404 },
      { method: 'GET', route: '/users/:id', status: 200 },
    ]);
  });

  it('jobs: a job is told of by its statements', async () => {
    const { sumOrders, repeatedStatements } = await import('../../examples/jobs.ts');
    expect(await sumOrders(db)).toBe(78);
    expect(repeatedStatements()).toEqual([
      'SELECT coalesce(sum(total), $1)::int AS total FROM orders WHERE user_id = $2',
    ]);
  });
});
