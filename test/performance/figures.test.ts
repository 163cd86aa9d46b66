/** What the dashboard's data and JSON say of failures, waits, long texts and long queries. */
import { setTimeout as delay } from 'node:timers/promises';

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { DashboardData, StatsJson } from '../../src/dashboard/data.ts';
import { OTHER_ID } from '../../src/engine/engine.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { StatsStore } from '../../src/performance/stats.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import { status } from '../../src/status.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;
let perf: PerformanceMiddleware;

beforeAll(async () => {
  database = await createDatabase();
  perf = new PerformanceMiddleware({ slowQueryThresholdMs: 40 });
  pool = new pg.Pool({ connectionString: database.url, max: 1 });
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function request(
  name: string,
  work: () => Promise<unknown>,
  end = { statusCode: 200, isAborted: false },
): Promise<void> {
  const recorder = getRecorder();
  const scope = recorder.openScope('request', name);
  perf.observe(scope);
  await recorder.runIn(scope, work);
  recorder.closeScope(scope, end);
}

async function bodyOf<T>(what: 'json' | 'data', scope = 'process'): Promise<T> {
  const url = `http://localhost/debug/performance/${what}?scope=${scope}`;
  const visit = new Request(url, { headers: { host: 'localhost' } });
  const socket = { remoteAddress: '127.0.0.1', encrypted: false };
  const response = await perf.dashboard.handle(visit, socket);
  return (await response?.json()) as T;
}

describe.each(['process', 'host'])('the figures of scope %s', (scope) => {
  it('name the SQLSTATE of what failed, and nothing else of the error', async () => {
    await request('POST /fails', async () => {
      const failed = pool.query("SELECT 1 / 0, 'secret'");
      await expect(failed).rejects.toThrow('division by zero');
      await pool.query('SELECT 1');
    });
    const json = await bodyOf<StatsJson>('json', scope);
    expect(json.recent_failed_queries[0]).toMatchObject({
      sql: 'SELECT $1 / $2, $3',
      route: 'POST /fails',
      sql_state: '22012',
    });
    const data = await bodyOf<DashboardData>('data', scope);
    expect(data.failedQueries[0]).toMatchObject({ sqlState: '22012', statementCount: 1 });
    expect(data.requests[0]).toMatchObject({
      ...{ route: '/fails', failedCount: 1, sqlState: '22012', aborted: false },
    });
    expect(JSON.stringify([json, data])).not.toContain('secret');
  });

  it('tell a request whose client left from one that failed', async () => {
    await request('GET /left', () => Promise.resolve(), { statusCode: 200, isAborted: true });
    await request('GET /broken', () => Promise.resolve(), { statusCode: 500, isAborted: false });
    const { requests } = await bodyOf<DashboardData>('data', scope);
    expect(requests.slice(0, 2)).toMatchObject([
      { route: '/broken', aborted: false },
      { route: '/left', aborted: true },
    ]);
  });

  it('count the statements of a text, which is one query', async () => {
    await request('GET /text', async () => {
      await pool.query("SELECT ';' AS a; SELECT pg_sleep(0.05);");
    });
    const json = await bodyOf<StatsJson>('json', scope);
    expect(json.recent_slow_queries[0]).toMatchObject({
      sql: 'SELECT $1 AS a; SELECT pg_sleep($2)',
      statement_count: 2,
      is_statement_count_minimum: false,
      sql_state: null,
    });
    const { statements, requests } = await bodyOf<DashboardData>('data', scope);
    expect(statements.find(({ sql }) => sql.startsWith('SELECT $1 AS a;'))).toMatchObject({
      statementCount: 2,
    });
    expect(requests[0]).toMatchObject({ route: '/text', queryCount: 1 });
  });

  it('show who waits for a client, and count those that got none, and faults', async () => {
    const recorder = getRecorder();
    const before = await bodyOf<StatsJson>('json', scope);
    const open = recorder.openScope('request', 'GET /waits');
    const wait = recorder.core.beginWait(OTHER_ID, open.handle);
    await delay(20);
    const during = await bodyOf<DashboardData>('data', scope);
    expect(during.inFlight).toContainEqual(
      expect.objectContaining({
        route: 'GET /waits',
        queries: [{ sql: '', isWaiting: true, elapsedMs: expect.toSatisfy((ms) => ms > 15) }],
      }),
    );
    expect(during.threads[0]).toMatchObject({ waitsInFlight: 1, queriesInFlight: 0 });
    const json = await bodyOf<StatsJson>('json', scope);
    expect(json.waiting_for_client).toMatchObject({ count: 1 });
    expect(json.waiting_for_client.longest_ms).toBeGreaterThan(15);
    recorder.core.endWait(wait, true);
    recorder.closeScope(open, { statusCode: 503, isAborted: false });
    const faults = status().faults;
    recorder.reportFault(new TypeError('a fault that is meant'));
    expect(status().faults).toBe(faults + 1);
    const after = await bodyOf<StatsJson>('json', scope);
    expect(after.waiting_for_client).toEqual({ count: 0, longest_ms: 0 });
    expect(after.pool_timeout_count - before.pool_timeout_count).toBe(1);
    expect(after.fault_count - before.fault_count).toBe(1);
  });
});

it('the longest queries are those of all that there were, not of the newest', () => {
  const store = new StatsStore(10);
  const slow = (durationMs: number) => ({
    ...{ sql: 'SELECT 1', durationMs, route: null, timestamp: durationMs },
    ...{ callSite: null, sqlState: null },
  });
  store.addSlowQueries(1, [slow(9_000)]);
  for (let ms = 1; ms <= 200; ms += 1) store.addSlowQueries(1, [slow(ms)]);
  const longest = store.longestQueries().map(({ durationMs }) => durationMs);
  expect(longest).toEqual([9_000, ...Array.from({ length: 49 }, (_, index) => 200 - index)]);
  const newest = store.stats(0, []).recentSlowQueries.map(({ durationMs }) => durationMs);
  expect(newest).not.toContain(9_000);
});
