import type {
  DashboardData,
  FailedQueryRow,
  InFlightRow,
  NPlusOneRow,
  RequestRow,
  SlowQueryRow,
  StatementRow,
  ThreadRow,
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
  readonly sqlState?: string;
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
  {
    method: 'POST',
    route: '/checkout',
    queryCount: 8,
    queryMs: 14,
    restMs: 9,
    status: 500,
    sqlState: '40001',
  },
];

/** How often each route comes, by its place in the list. */
const PATTERN = [0, 1, 1, 7, 0, 4, 2, 1, 3, 8, 0, 1, 5, 1, 0, 7, 2, 1, 0, 6, 1, 4, 1, 9, 0];

/** Of the statements below, by their place. */
const CALL_SITES: readonly (readonly string[])[] = [
  ['salesReport (src/reports.ts:41)'],
  ['listOrders (src/orders.ts:12)', 'Cart.load (src/cart.ts:88)', 'src/jobs/feed.ts:7'],
];

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
    ['BEGIN; SELECT set_config($1, $2, true)', 312, 0.08, 312],
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
    failedQueries: createFailedQueries(),
    inFlight: createInFlight(),
    nPlusOne: createNPlusOne(),
    statements,
    pools: [
      {
        ...{
          name: 'shop',
          where: '',
          total: 10,
          idle: 0,
          active: 10,
          waiting: 4,
          max: 10,
          ageMs: 0,
        },
        times: {
          ...{ checkoutCount: 89_201, waitTotalMs: 41_200, waitMaxMs: 812.4, timeoutCount: 3 },
          ...{ connectCount: 10, connectTotalMs: 92, connectMaxMs: 14.2 },
          ...{ heldCount: 311, heldTotalMs: 4_870, heldMaxMs: 96 },
        },
      },
      {
        ...{ name: 'reports', where: '', total: 3, idle: 2, active: 1, waiting: 0, max: 5 },
        ...{ ageMs: 0, times: null },
      },
    ],
    threads: [createThread({ requestCount: 15_432, queryCount: 89_213, queryMs: 33_571 })],
    status: {
      engine: 'native',
      reason: 'the prebuilt addon was loaded',
      overheadNs: 640,
      faultCount: 0,
      poolTimeoutCount: 3,
      dropped: { queries: 0, requests: 0, statements: 0, torn: 0 },
    },
  });
}

/** The same shop on four processes of one host, one of them stuck; two more have ended. */
export function createHostData(): DashboardData {
  const shop = createShopData();
  const pids = [4711, 4712, 4713, 4714];
  return {
    ...shop,
    scope: 'host',
    pools: shop.pools.map((pool) => ({ ...pool, where: '4 pools', ageMs: 12_000, times: null })),
    nPlusOne: shop.nPlusOne.map((row) => ({ ...row, runCountMax: null, isParallel: null })),
    requests: shop.requests.map((row, index) => ({
      ...row,
      pid: pids[index % pids.length] ?? 0,
      queryMs: index % 9 === 8 ? null : row.queryMs,
    })),
    threads: pids.map((pid, index) =>
      createThread({
        pid,
        requestCount: 3_800 + index,
        queryCount: 22_000 + index,
        queryMs: 8_300 + index,
        requestsInFlight: index,
        queriesInFlight: index,
        waitsInFlight: index === 3 ? 4 : 0,
        loopBusyMs: index === 2 ? 2_310 : 1.5,
      }),
    ),
    ended: { count: 2, requestCount: 226, queryCount: 1_207 },
  };
}

function createThread(overrides: Partial<ThreadRow>): ThreadRow {
  return {
    ...{ pid: 4711, threadId: 0, engine: 'native', startedAt: SAMPLE_NOW - 3_725_000 },
    ...{ requestCount: 0, queryCount: 0, queryMs: 0, requestsInFlight: 0, queriesInFlight: 0 },
    ...{ waitsInFlight: 0, loopBusyMs: 0.4 },
    ...overrides,
  };
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
      pid: 4711,
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
      failedCount: route.sqlState === undefined ? 0 : 1,
      sqlState: route.sqlState ?? null,
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
    callSite: index === 8 ? null : 'salesReport (src/reports.ts:41)',
    sqlState: index === 2 ? '57014' : null,
  }));
}

function createFailedQueries(): FailedQueryRow[] {
  return ['40001', '23505', null].map((sqlState, index) => ({
    sql: STATEMENTS[index === 0 ? 7 : 5]?.[0] ?? '',
    pid: 4711,
    durationMs: 2.1 * (index + 1),
    route: index === 2 ? null : 'POST /checkout',
    timestamp: SAMPLE_NOW - 900 - index * 5_000,
    sqlState,
  }));
}

function createInFlight(): InFlightRow[] {
  const row = { pid: 4711, threadId: 0, isRequest: true };
  const waiting = { sql: '', elapsedMs: 3_902, isWaiting: true };
  return [
    { ...row, route: 'POST /checkout', elapsedMs: 4_120, queries: [waiting], queryCount: 2 },
    {
      ...{ ...row, route: 'GET /reports/sales', elapsedMs: 1_804, queryCount: 1 },
      queries: [{ sql: SLOW_SQL, elapsedMs: 1_801, isWaiting: false }],
    },
    { ...row, route: null, elapsedMs: 0.8, queries: [], queryCount: 0 },
  ];
}

function createNPlusOne(): NPlusOneRow[] {
  return [
    {
      sql: N_PLUS_ONE_SQL,
      route: 'GET /orders',
      requestCount: 3,
      runCount: 132,
      runCountMax: 51,
      totalMs: 56.76,
      comparedCount: 60,
      differingCount: 60,
      isParallel: false,
      callSite: 'listOrders (src/orders.ts:12)',
      models: ['Product'],
      batched: {
        sql: N_PLUS_ONE_SQL.replace('= $1', '= ANY($1)'),
        advice: 'Give it all the keys in one array.',
      },
      timestamp: SAMPLE_NOW - 400,
    },
    {
      sql: 'SELECT id, email, country FROM customers WHERE id = $1',
      route: 'GET /admin/orders',
      requestCount: 1,
      runCount: 7,
      runCountMax: 7,
      totalMs: 3.01,
      comparedCount: 5,
      differingCount: 0,
      isParallel: true,
      callSite: null,
      batched: null,
      timestamp: SAMPLE_NOW - 18_400,
    },
  ];
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
    callSites: CALL_SITES[index] ?? [],
    models: index === 1 ? ['Product'] : [],
    statementCount: sql.startsWith('BEGIN;') ? 2 : 1,
    isStatementCountMinimum: false,
  };
}
