import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { HyperApp } from '../../src/app/index.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
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
    expect(Object.keys(host)).toEqual(Object.keys(own));
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
          tables: ['there'],
          models: [],
        },
        expect.objectContaining({ duration_ms: 120, route: 'GET /theirs' }),
      ],
      recent_n_plus_one: [
        'SELECT name FROM customers WHERE id = $1',
        'SELECT * FROM orders WHERE id = $1',
      ],
      unscoped_queries: 1,
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
