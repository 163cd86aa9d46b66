import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { HyperApp } from '../../src/app/index.ts';
import type { DashboardData, NPlusOneRow } from '../../src/dashboard/index.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createDatabase();
  await database.query('CREATE TABLE orders (id int)');
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

const ask = (id: number): Promise<unknown> =>
  pool.query('SELECT id FROM orders WHERE id = $1', [id]);

async function listOrders(): Promise<void> {
  for (let id = 0; id < 6; id += 1) await ask(id);
}

async function countOrders(): Promise<void> {
  for (let id = 0; id < 3; id += 1) await pool.query('SELECT id FROM orders WHERE id = $1', [id]);
}

async function patternsOf(app: HyperApp, scope = 'process'): Promise<readonly NPlusOneRow[]> {
  const url = `http://localhost/debug/performance/data?scope=${scope}`;
  const { nPlusOne } = (await (await app.fetch(new Request(url))).json()) as DashboardData;
  return nPlusOne;
}

it('tells of a pattern which functions ask, how often each, and of which tables', async () => {
  const app = new HyperApp('sites');
  app.use(new PerformanceMiddleware());
  app.get('/orders', async (c) => {
    await listOrders();
    await countOrders();
    return c.text('ok');
  });
  await app.fetch(new Request('http://localhost/orders'));
  const patternOf = async (scope: string): Promise<NPlusOneRow | undefined> => {
    const nPlusOne = await patternsOf(app, scope);
    expect(nPlusOne).toHaveLength(1);
    expect(nPlusOne[0]).toMatchObject({ route: 'GET /orders', tables: ['orders'], models: [] });
    return nPlusOne[0];
  };
  // `ask` is the nearest frame of the first loop.
  const file = String.raw`\(test/performance/n-plus-one-sites\.test\.ts:\d+\)`;
  const sites = new RegExp(`^ask ${file} × 6, countOrders ${file} × 3$`);
  expect((await patternOf('process'))?.callSite).toMatch(sites);
  // Processes write down how often it ran, and not where it was asked for.
  const known = new RegExp(`^ask ${file} or countOrders ${file}$`);
  expect((await patternOf('host'))?.callSite).toMatch(known);
});

it('tells whether the runs of a request ask for the same again', async () => {
  const app = new HyperApp('values');
  app.use(new PerformanceMiddleware());
  const loop = (path: string, ask: (index: number) => Promise<unknown>): unknown =>
    app.get(path, async (c) => {
      for (let index = 0; index < 6; index += 1) await ask(index);
      return c.text('ok');
    });
  loop('/others', (index) => pool.query('SELECT 1 FROM orders WHERE id = $1', [index]));
  loop('/same', () => pool.query('SELECT 2 FROM orders WHERE id = $1', [7]));
  loop('/some', (index) => pool.query('SELECT 3 FROM orders WHERE id = $1', [index % 2]));
  loop('/literals', (index) => pool.query(`SELECT 4 FROM orders WHERE id = ${index}`));
  loop('/failing', () => pool.query('SELECT 5 FROM orders WHERE id = 1 / $1', [0]).catch(() => 0));
  for (const path of ['/others', '/same', '/same', '/some', '/literals', '/failing']) {
    await app.fetch(new Request(`http://localhost${path}`));
  }
  const found = Object.fromEntries(
    (await patternsOf(app)).map(({ route, comparedCount, differingCount }) => [
      route,
      [comparedCount, differingCount],
    ]),
  );
  // The first run of each request takes no stack, and the second has nothing to be compared with.
  expect(found).toEqual({
    'GET /others': [4, 4],
    'GET /same': [8, 0],
    'GET /some': [4, 1],
    'GET /literals': [4, 4],
    'GET /failing': [4, 0],
  });
  const [host] = await patternsOf(app, 'host');
  expect(host).toMatchObject({ comparedCount: 0, differingCount: 0 });
});
