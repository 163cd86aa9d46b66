import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { HyperApp } from '../../src/app/index.ts';
import type { DashboardData } from '../../src/dashboard/data.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import { status } from '../../src/status.ts';
import { RecordedProcess, runQuery, runRequest } from '../segments/support/recorded-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'hyperdjango-host-'));
const perf = (() => {
  process.env['HYPERDJANGO_DIR'] = directory;
  return new PerformanceMiddleware({ slowQueryThresholdMs: 100, nPlusOneThreshold: 3 });
})();
const app = new HyperApp('host-shop');

beforeAll(() => {
  app.use(perf);
  app.get('/own', (c) => {
    perf.recordQuery('SELECT own FROM here', { durationMs: 5 });
    return c.text('');
  });
  app.get('/repeats', (c) => {
    for (let id = 0; id < 4; id += 1) {
      perf.recordQuery(`SELECT name FROM customers WHERE id = ${id}`, { durationMs: 1 });
    }
    return c.text('');
  });
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** A dead process of the application, and one of another. */
function buryOthers(): void {
  const dead = new RecordedProcess({ appName: 'host-shop' });
  const recorder = dead.thread();
  for (const ms of [10, 120, 240]) {
    runRequest(recorder, dead.clock, 'GET /theirs', [['SELECT theirs FROM there', ms]]);
  }
  runQuery(recorder, dead.clock, 'VACUUM', 150);
  const repeated = recorder.internStatement('SELECT * FROM orders WHERE id = 7');
  recorder.recordFinding(1, repeated, 'GET /theirs', 9, 1e6);
  dead.beat();
  dead.writeTo(directory);
  const stranger = new RecordedProcess({ appName: 'another' });
  runRequest(stranger.thread(), stranger.clock, 'GET /strange', [['SELECT 1', 500]]);
  stranger.writeTo(directory);
}

async function json(query = ''): Promise<Record<string, unknown>> {
  const url = `http://localhost/debug/performance/json${query}`;
  const response = await app.fetch(new Request(url));
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

/** The portable engine says what it cannot do. */
const ENGINE_NOTES =
  process.env['HYPERDJANGO_ENGINE'] === 'portable'
    ? [
        `pid ${process.pid}: the portable engine records in private memory: other processes do ` +
          'not see it, and nothing of it is left after a crash; of the others it sees those with ' +
          'the native engine alone',
      ]
    : [];

async function data(query = ''): Promise<DashboardData> {
  const url = `http://localhost/debug/performance/data${query}`;
  const response = await app.fetch(new Request(url));
  expect(response.status).toBe(200);
  return (await response.json()) as DashboardData;
}

describe('{dashboardPath}/json?scope=host', () => {
  it('merges all processes of the application on the host', async () => {
    buryOthers();
    for (const path of ['/own', '/own', '/repeats']) {
      await app.fetch(new Request(`http://localhost${path}`));
    }
    const own = await json();
    expect(own).toMatchObject({ total_requests: 3, total_queries: 6, n_plus_one_count: 1 });
    expect(await json('?scope=process')).toEqual(own);

    const host = await json('?scope=host');
    expect(Object.keys(host)).toEqual([...Object.keys(own), 'processes', 'notes']);
    expect(host).toEqual({
      total_requests: 6,
      total_queries: 9,
      avg_queries_per_request: 1.5,
      slow_query_count: 3,
      n_plus_one_count: 2,
      recent_slow_queries: [
        expect.objectContaining({ sql: 'VACUUM', duration_ms: 150, route: null }),
        {
          sql: 'SELECT theirs FROM there',
          duration_ms: 240,
          route: 'GET /theirs',
          timestamp: '2026-01-02T03:04:05.130Z',
          call_site: null,
          sql_state: null,
          statement_count: 1,
          is_statement_count_minimum: false,
          tables: ['there'],
          models: [],
        },
        expect.objectContaining({ duration_ms: 120, route: 'GET /theirs' }),
      ],
      recent_n_plus_one: [
        'SELECT name FROM customers WHERE id = $1',
        'SELECT * FROM orders WHERE id = $1',
      ],
      recent_failed_queries: [],
      unscoped_queries: 1,
      unseen_drivers: [],
      without_call_sites: [],
      late_queries: null,
      waiting_for_client: { count: 0, longest_ms: 0 },
      pool_timeout_count: 0,
      fault_count: 0,
      processes: { running: 1, ended: 1 },
      notes: ENGINE_NOTES,
      ignores: [],
    });
    expect(perf.getStats({ scope: 'host' })).toMatchObject({ totalRequests: 6, totalQueries: 9 });
  });

  it('refuses a scope that there is none of', async () => {
    const url = 'http://localhost/debug/performance/json?scope=galaxy';
    const response = await app.fetch(new Request(url));
    expect(response.status).toBe(400);
    expect(await response.text()).toBe('scope: expected "process" or "host"\n');
  });
});

describe('{dashboardPath}/data?scope=host', () => {
  it('has the requests, findings and statements of all of them, and says whose they are', async () => {
    const own = await data();
    expect(own).toMatchObject({ scope: 'process', app: 'host-shop', notes: [] });
    expect(own.requests.map(({ route }) => route)).toEqual(['/repeats', '/own', '/own']);
    expect(own.threads).toMatchObject([{ pid: process.pid, threadId: 0, requestCount: 3 }]);
    expect(own.ended).toEqual({ count: 0, requestCount: 0, queryCount: 0 });

    const host = await data('?scope=host');
    expect(host).toMatchObject({ scope: 'host', app: 'host-shop', notes: ENGINE_NOTES });
    expect(host.stats).toMatchObject({ totalRequests: 6, totalQueries: 9, nPlusOneCount: 2 });
    expect(
      host.requests.map(({ pid, method, route, queryCount, queryMs, slowCount, nPlusOneCount }) => [
        ...[pid, `${method} ${route}`, queryCount, queryMs, slowCount, nPlusOneCount],
      ]),
    ).toEqual([
      [process.pid, 'GET /repeats', 4, 4, 0, 1],
      [process.pid, 'GET /own', 1, 5, 0, 0],
      [process.pid, 'GET /own', 1, 5, 0, 0],
      [4242, 'GET /theirs', 1, 240, 1, 0],
      [4242, 'GET /theirs', 1, 120, 1, 0],
      [4242, 'GET /theirs', 1, 10, 0, 0],
    ]);
    expect(new Set(host.requests.map(({ id }) => id)).size).toBe(6);
    expect(host.nPlusOne).toEqual([
      expect.objectContaining({
        sql: 'SELECT name FROM customers WHERE id = $1',
        route: 'GET /repeats',
        ...{ requestCount: 1, runCount: 4, runCountMax: null, isParallel: null },
        batched: expect.objectContaining({
          sql: 'SELECT name FROM customers WHERE id = ANY($1)',
        }) as unknown,
      }),
      expect.objectContaining({ sql: 'SELECT * FROM orders WHERE id = $1', route: 'GET /theirs' }),
    ]);
    expect(host.statements.find(({ sql }) => sql === 'SELECT theirs FROM there')).toMatchObject({
      calls: 3,
      totalMs: 370,
      maxMs: 240,
      callSites: [],
    });
    // The other process is dead: it has no thread any more, but is in the sums.
    expect(host.threads).toMatchObject([{ pid: process.pid, requestCount: 3, queryCount: 6 }]);
    expect(host.ended).toEqual({ count: 1, requestCount: 3, queryCount: 4 });
  });

  it('stands alone, and says why, where nobody may look at others', async () => {
    chmodSync(directory, 0o755);
    try {
      const host = await data('?scope=host');
      expect(host.stats.totalRequests).toBe(3);
      expect(host.notes).toEqual([
        ...ENGINE_NOTES,
        `other processes are missing: ${directory} is open to other users (mode 755, not 700)`,
      ]);
      expect(await json('?scope=host')).toMatchObject({
        total_requests: 3,
        processes: { running: 1, ended: 0 },
        notes: host.notes,
      });
    } finally {
      chmodSync(directory, 0o700);
    }
  });
});

describe('the cost of recording', () => {
  it('is the same on the page, in status() and for others to read', async () => {
    expect((await data()).status.overheadNs).toBe(0);
    const recorder = getRecorder();
    for (let done = 0; done < 640; done += 1) {
      const query = recorder.issue('SELECT metered FROM here', undefined, undefined);
      if (query === undefined) throw new Error('it is recorded');
      recorder.begin(query);
      recorder.end(query, 0, 1);
    }
    const { overheadNs } = status();
    expect(overheadNs).toBeGreaterThan(0);
    for (const query of ['', '?scope=host']) {
      // The segment has whole nanoseconds.
      expect(Math.abs((await data(query)).status.overheadNs - overheadNs)).toBeLessThan(1);
    }
  });
});
