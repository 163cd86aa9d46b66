import type {
  DashboardData,
  NPlusOneRow,
  RequestRow,
  SlowQueryRow,
  StatementRow,
} from '../../../src/dashboard/data.ts';
import { createEmptyData, createStats, SAMPLE_NOW } from './sample-data.ts';

interface ShopRoute {
  readonly method: string;
  readonly route: string;
  readonly queryCount: number;
  readonly queryMs: number;
  readonly restMs: number;
  readonly slowCount?: number;
  readonly nPlusOneCount?: number;
  readonly status?: number;
  readonly aborted?: boolean;
}

const ROUTES: readonly ShopRoute[] = [
  { method: 'GET', route: '/products', queryCount: 2, queryMs: 1.9, restMs: 1.1 },
  { method: 'GET', route: '/products/:id', queryCount: 1, queryMs: 0.4, restMs: 0.7 },
  { method: 'GET', route: '/orders', queryCount: 49, queryMs: 21, restMs: 6.5, nPlusOneCount: 1 },
  { method: 'POST', route: '/orders', queryCount: 5, queryMs: 6.2, restMs: 2, status: 201 },
  { method: 'GET', route: '/', queryCount: 0, queryMs: 0, restMs: 0.3 },
  { method: 'GET', route: '/products/:id', queryCount: 1, queryMs: 0.3, restMs: 0.6, status: 404 },
  { method: 'GET', route: '/reports/sales', queryCount: 3, queryMs: 212, restMs: 4, slowCount: 1 },
  { method: 'GET', route: '/customers/:id', queryCount: 3, queryMs: 2.1, restMs: 1.4 },
  { method: 'GET', route: '/search', queryCount: 1, queryMs: 34, restMs: 2 },
  { method: 'POST', route: '/checkout', queryCount: 8, queryMs: 14, restMs: 9, status: 500 },
];

/** How often each route comes, by its place in the list. */
const PATTERN = [0, 1, 1, 7, 0, 4, 2, 1, 3, 8, 0, 1, 5, 1, 0, 7, 2, 1, 0, 6, 1, 4, 1, 9, 0];

const N_PLUS_ONE_SQL =
  'SELECT "products"."id", "products"."name", "products"."price_cents" FROM "products" WHERE "products"."id" = $1';
const SLOW_SQL =
  'SELECT date_trunc($1, o.created_at) AS day, c.country, count(*) AS orders, sum(i.quantity * i.price_cents) AS revenue FROM orders o JOIN order_items i ON i.order_id = o.id JOIN customers c ON c.id = o.customer_id WHERE o.created_at >= now() - interval $2 GROUP BY day, c.country ORDER BY revenue DESC LIMIT $3';

const STATEMENTS: readonly (readonly [sql: string, calls: number, meanMs: number, rows: number])[] =
  [
    [SLOW_SQL, 41, 214.6, 820],
    [N_PLUS_ONE_SQL, 18_432, 0.42, 18_432],
    [
      'SELECT * FROM products WHERE to_tsvector($1, description) @@ plainto_tsquery($2) LIMIT $3',
      118,
      33.8,
      1910,
    ],
    [
      'SELECT id, name, price_cents FROM products ORDER BY created_at DESC LIMIT $1 OFFSET $2',
      1204,
      1.3,
      24_080,
    ],
    ['SELECT count(*) FROM products', 1204, 0.6, 1204],
    ['INSERT INTO orders (customer_id, status) VALUES ($1, $2) RETURNING id', 311, 1.1, 311],
    [
      'INSERT INTO order_items (order_id, product_id, quantity, price_cents) VALUES ($1, $2, $3, $4), …',
      311,
      1.9,
      1244,
    ],
    ['UPDATE products SET stock = stock - $1 WHERE id = $2 AND stock >= $3', 1244, 0.9, 1244],
    ['SELECT id, email, country FROM customers WHERE id = $1', 902, 0.31, 902],
    [
      'SELECT o.id, o.status, o.created_at FROM orders o WHERE o.customer_id = $1 ORDER BY o.created_at DESC LIMIT $2',
      902,
      0.8,
      5412,
    ],
    ['BEGIN', 312, 0.08, 0],
    ['COMMIT', 305, 0.9, 0],
    ['ROLLBACK', 7, 0.2, 0],
  ];

/** A small shop under way: good routes, an N+1, a slow report, a failing checkout. */
export function createShopData({ requestCount = 180 } = {}): DashboardData {
  const requests = createRequests(requestCount);
  const statements = STATEMENTS.map(createStatement);
  const totalQueries = 89_201;
  return createEmptyData({
    stats: createStats({
      totalRequests: 15_432,
      totalQueries,
      avgQueriesPerRequest: totalQueries / 15_432,
      slowQueryCount: 41,
      nPlusOneCount: 384,
      unscopedQueries: 12,
    }),
    requests,
    slowQueries: createSlowQueries(),
    nPlusOne: createNPlusOne(),
    statements,
    pools: [
      { name: 'shop', total: 10, idle: 0, active: 10, waiting: 4, max: 10 },
      { name: 'reports', total: 3, idle: 2, active: 1, waiting: 0, max: 5 },
    ],
    status: {
      engine: 'native',
      reason: 'the prebuilt addon was loaded',
      overheadNs: 640,
      dropped: { queries: 0, requests: 0, statements: 0, torn: 0 },
    },
  });
}

/** Neither random nor even: the same on every run. */
function wobble(seed: number): number {
  return 0.75 + (((seed * 7919) % 101) / 101) * 0.6;
}

function createRequests(count: number): RequestRow[] {
  const rows: RequestRow[] = [];
  let startedAt = SAMPLE_NOW;
  for (let index = 0; index < count; index += 1) {
    const id = 15_432 - index;
    const route = ROUTES[PATTERN[index % PATTERN.length] ?? 0] as ShopRoute;
    const factor = wobble(id);
    startedAt -= Math.round(120 * wobble(index + 3) ** 4);
    rows.push({
      id,
      method: route.method,
      route: route.route,
      status: route.status ?? 200,
      startedAt,
      durationMs: (route.queryMs + route.restMs) * factor,
      queryCount: route.queryCount,
      queryMs: route.queryMs * factor,
      slowCount: route.slowCount ?? 0,
      nPlusOneCount: route.nPlusOneCount ?? 0,
      aborted: route.aborted ?? index % 97 === 55,
    });
  }
  return rows;
}

function createSlowQueries(): SlowQueryRow[] {
  const durations = [214.2, 187.9, 1843.7, 231.4, 105.2, 342.8, 158.1, 201.3, 100];
  return durations.map((durationMs, index) => ({
    sql: index === 4 ? (STATEMENTS[2]?.[0] ?? '') : SLOW_SQL,
    durationMs,
    route: index === 8 ? null : index === 4 ? 'GET /search' : 'GET /reports/sales',
    timestamp: SAMPLE_NOW - 2000 - index * 47_000,
  }));
}

function createNPlusOne(): NPlusOneRow[] {
  return [48, 51, 7, 33].map((count, index) => ({
    sql: index === 2 ? 'SELECT id, email, country FROM customers WHERE id = $1' : N_PLUS_ONE_SQL,
    route: index === 2 ? 'GET /admin/orders' : 'GET /orders',
    count,
    totalMs: count * 0.43,
    timestamp: SAMPLE_NOW - 400 - index * 9000,
  }));
}

function createStatement(
  [sql, calls, meanMs, rows]: (typeof STATEMENTS)[number],
  index: number,
): StatementRow {
  return {
    sql,
    fingerprint: (0x9e3779b97f4a7c15n ^ (BigInt(index + 1) * 0x1000193n))
      .toString(16)
      .padStart(16, '0'),
    calls,
    errors: index === 7 ? 7 : 0,
    rows,
    totalMs: calls * meanMs,
    meanMs,
    p50Ms: meanMs * 0.86,
    p95Ms: meanMs * 2.1,
    p99Ms: meanMs * 3.4,
    maxMs: meanMs * 8.6,
    poolWaitMs: calls * 0.02,
  };
}
