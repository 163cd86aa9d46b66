import { describe, expect, it, vi } from 'vitest';

import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder, type Scope } from '../../src/recorder/index.ts';

const recorder = getRecorder();

/** A request that runs the statement so many times. */
function request(middleware: PerformanceMiddleware, table: string, runs: number): Scope {
  const scope = recorder.openScope('request', `GET /${table}`);
  middleware.observe(scope);
  for (let id = 0; id < runs; id += 1) query(scope, table, id);
  recorder.closeScope(scope, { statusCode: 200, isAborted: false });
  return scope;
}

function query(scope: Scope, table: string, id: number): void {
  recorder.runIn(scope, () => recorder.record(`SELECT a FROM ${table} WHERE id = ${id}`, 1000));
}

/** Requests in which other processes see an N+1 on the table. */
function foundIn(table: string): number {
  const { findings, statements } = recorder.core.snapshot();
  const id = statements.find(({ text }) => text.includes(` ${table} `))?.id;
  return findings.find(({ statementId }) => statementId === id)?.count ?? 0;
}

describe('requests that have ended', () => {
  it('are all counted for whoever asks', () => {
    const middleware = new PerformanceMiddleware({ nPlusOneThreshold: 3 });
    for (let requests = 1; requests < 100; requests += 1) {
      request(middleware, 'asked', 3);
      const { totalRequests, totalQueries, nPlusOneCount } = middleware.getStats();
      expect([totalRequests, totalQueries, nPlusOneCount]).toEqual([
        requests,
        3 * requests,
        requests,
      ]);
    }
  });

  it('are told to other processes when there are 32 of them', () => {
    const middleware = new PerformanceMiddleware({ nPlusOneThreshold: 3 });
    for (let requests = 0; requests < 70; requests += 1) request(middleware, 'many', 3);
    expect(foundIn('many')).toBe(64);
  });

  it('are told to other processes when they have many queries', () => {
    const middleware = new PerformanceMiddleware();
    for (let requests = 0; requests < 3; requests += 1) request(middleware, 'large', 900);
    expect(foundIn('large')).toBe(3);
  });

  it('are told to other processes after a while, though nobody asks', async () => {
    const middleware = new PerformanceMiddleware();
    request(middleware, 'few', 10);
    await vi.waitFor(() => expect(foundIn('few')).toBe(1), { timeout: 10_000 });
  });

  it('have no part in what begins later', () => {
    const middleware = new PerformanceMiddleware({ nPlusOneThreshold: 5 });
    const scope = request(middleware, 'late', 3);
    for (let id = 0; id < 3; id += 1) query(scope, 'late', id);
    expect(middleware.getStats()).toMatchObject({
      totalRequests: 1,
      totalQueries: 6,
      nPlusOneCount: 0,
    });
  });

  it('are counted at once where a query goes on', () => {
    const middleware = new PerformanceMiddleware({ nPlusOneThreshold: 3 });
    const scope = recorder.openScope('request', 'GET /running');
    middleware.observe(scope);
    for (let id = 0; id < 3; id += 1) query(scope, 'running', id);
    const open = recorder.runIn(scope, () => recorder.issue('SELECT 2', undefined, undefined));
    if (open === undefined) throw new Error('the query was not recorded');
    recorder.begin(open);
    recorder.closeScope(scope, { statusCode: 200, isAborted: true });
    expect(foundIn('running')).toBe(1);
    recorder.end(open, 0, 1);
    expect(middleware.getStats()).toMatchObject({ totalRequests: 1, totalQueries: 4 });
  });
});
