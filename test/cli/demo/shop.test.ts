import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { HyperApp } from '../../../src/app/index.ts';
import { createShop } from '../../../src/cli/demo/app.ts';
import { SHOP_ROWS, SHOP_SCHEMA } from '../../../src/cli/demo/schema.ts';
import { openShop, prepareShop } from '../../../src/cli/demo/shop-database.ts';
import type { Database } from '../../../src/database/index.ts';
import { PerformanceMiddleware } from '../../../src/performance/index.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { until } from '../../support/processes.ts';

const CONNECTIONS_MAX = 2;

let server: TestDatabase;
let database: Database;
let performance: PerformanceMiddleware;
let shop: HyperApp;

beforeAll(async () => {
  server = await createDatabase();
  await prepareShop(server.url);
  database = openShop(server.url, CONNECTIONS_MAX);
  await database.connect();
});

afterAll(async () => {
  await database.close();
  await server.drop();
});

beforeEach(() => {
  performance = new PerformanceMiddleware();
  shop = createShop({ database, performance, paymentMs: 50 });
});

async function visit(path: string, init?: RequestInit): Promise<Response> {
  return shop.fetch(new Request(`http://localhost${path}`, init));
}

async function checkout(...productIds: number[]): Promise<Response> {
  return visit('/checkout', {
    method: 'POST',
    body: JSON.stringify({ customerId: 1, productIds }),
  });
}

describe("the shop's schema", () => {
  it.each(Object.entries(SHOP_ROWS))('has in %s %i rows, with ids from 1', async (table, rows) => {
    const found = await server.query(
      `SELECT count(*)::int AS rows, min(id) AS first, max(id) AS last FROM ${SHOP_SCHEMA}.${table}`,
    );
    expect(found).toEqual([{ rows, first: 1, last: rows }]);
  });

  it('has an index for every look-up but that of the slow page', async () => {
    const indexes = await server.query<{ columns: string }>(
      `SELECT tablename || ' ' || regexp_replace(indexdef, '.*\\((\\w+).*', '\\1') AS columns
       FROM pg_indexes WHERE schemaname = $1`,
      [SHOP_SCHEMA],
    );
    const columns = indexes.map((index) => index.columns);
    expect(columns).toEqual(
      expect.arrayContaining([
        'products category_id',
        'orders customer_id',
        'orders created_at',
        'order_items order_id',
      ]),
    );
    expect(columns).not.toContain('reviews product_id');
  });
});

describe('the shop', () => {
  it.each([
    ['/', 200, 0],
    ['/products', 200, 1],
    ['/products?page=7', 200, 1],
    ['/products?page=no', 200, 1],
    ['/products/1', 200, 1],
    ['/products/0', 404, 1],
    ['/products/one', 404, 1],
    ['/p/1', 302, 1],
    ['/customers/1', 200, 2],
    ['/customers/2001', 404, 2],
    ['/orders', 200, 1 + 20],
    ['/orders/batched', 200, 2],
    ['/categories', 200, 1 + SHOP_ROWS.categories],
    ['/products/top-rated', 200, 1],
    ['/reports/refunds', 500, 1],
    ['/no-such-page', 404, 0],
  ])('answers %s with status %i after %i queries', async (path, status, queryCount) => {
    const response = await visit(path);
    expect(response.status).toBe(status);
    expect(response.headers.get('x-query-count')).toBe(String(queryCount));
    expect(response.headers.get('x-query-time')).toMatch(/^\d+\.\dms$/);
  });

  it('shows the same orders by 21 queries and by 2', async () => {
    const [slowly, quickly] = await Promise.all(
      ['/orders', '/orders/batched'].map(async (path) => (await visit(path)).json()),
    );
    expect(slowly).toEqual(quickly);
  });

  it('runs one N+1 after another and one at once', async () => {
    await visit('/orders');
    await visit('/categories');
    await visit('/orders/batched');
    expect(performance.getStats()).toMatchObject({
      totalRequests: 3,
      nPlusOneCount: 2,
      recentNPlusOne: [
        'SELECT count(*)::int AS products FROM products WHERE category_id = $1',
        'SELECT order_id, product_id, quantity, price_cents FROM order_items WHERE order_id = $1',
      ],
    });
  });

  it('has a page whose query is slow', async () => {
    await visit('/products/1');
    await visit('/products/top-rated');
    const { slowQueryCount, recentSlowQueries } = performance.getStats();
    expect(slowQueryCount).toBe(1);
    expect(recentSlowQueries[0]?.sql).toMatch(/^SELECT p\.id, .* FROM reviews AS r .* LIMIT \$1$/);
    expect(recentSlowQueries[0]?.durationMs).toBeGreaterThanOrEqual(100);
  });

  it('takes an order, item by item, and pays it', async () => {
    const response = await checkout(7, 3, 7);
    expect(response.status).toBe(201);
    // BEGIN, the order, two queries for each of two products, its payment, COMMIT.
    expect(response.headers.get('x-query-count')).toBe('8');
    const { orderId } = (await response.json()) as { orderId: number };
    const items = await server.query(
      `SELECT o.status, array_agg(i.product_id ORDER BY i.product_id) AS products
       FROM ${SHOP_SCHEMA}.orders AS o JOIN ${SHOP_SCHEMA}.order_items AS i ON i.order_id = o.id
       WHERE o.id = $1 GROUP BY o.status`,
      [orderId],
    );
    expect(items).toEqual([{ status: 'paid', products: [3, 7] }]);
  });

  it('keeps its connections during payments, so that everybody else waits', async () => {
    const orders = Promise.all([checkout(1), checkout(2), checkout(3)]);
    const page = visit('/products/4');
    await until('somebody to wait for a connection', () => {
      const { active, waiting } = database.poolStats();
      return active === CONNECTIONS_MAX && waiting > 0;
    });
    expect((await orders).map(({ status }) => status)).toEqual([201, 201, 201]);
    expect((await page).status).toBe(200);
  });
});

describe('prepareShop', () => {
  it('removes the schema that it created, and no other', async () => {
    const other = await createDatabase();
    const schema = 'SELECT to_regnamespace($1)::text AS name';
    try {
      const first = await prepareShop(other.url);
      const second = await prepareShop(other.url);
      expect([first.isCreated, second.isCreated]).toEqual([true, false]);
      await second.remove();
      expect(await other.query(schema, [SHOP_SCHEMA])).toEqual([{ name: SHOP_SCHEMA }]);
      await first.remove();
      expect(await other.query(schema, [SHOP_SCHEMA])).toEqual([{ name: null }]);
    } finally {
      await other.drop();
    }
  });

  it("refuses a schema of that name that is not the demo's", async () => {
    const other = await createDatabase();
    try {
      await other.query(`CREATE SCHEMA ${SHOP_SCHEMA}`);
      await expect(prepareShop(other.url)).rejects.toThrow(
        /^the database has a schema hyperdjango_demo that is not the demo's/,
      );
    } finally {
      await other.drop();
    }
  });
});
