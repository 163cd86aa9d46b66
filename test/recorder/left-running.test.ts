import { describe, expect, it } from 'vitest';

import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder, type Scope } from '../../src/recorder/index.ts';

const recorder = getRecorder();

/** One query, from its issue to its end, in the context here and now. */
function runQuery(sql: string): Scope | undefined {
  const query = recorder.issue(sql, undefined, undefined);
  if (query === undefined) throw new Error('not recorded');
  recorder.begin(query);
  recorder.end(query, 0, 1);
  return query.scope;
}

interface Left {
  readonly perf: PerformanceMiddleware;
  readonly scope: Scope;
  /** What the request has left running. */
  readonly poll: () => Scope | undefined;
}

/** A request of one query that has ended so long ago, and has left something running. */
function endedFor(ms: number): Left {
  const perf = new PerformanceMiddleware({ authorize: () => true });
  const scope = recorder.openScope('request', 'GET /starts');
  perf.observe(scope);
  recorder.runIn(scope, () => runQuery('SELECT 1'));
  recorder.closeScope(scope, { statusCode: 200, isAborted: false });
  perf.getStats();
  scope.endNs -= ms * 1e6;
  return { perf, scope, poll: () => recorder.runIn(scope, () => runQuery('SELECT 2')) };
}

async function rowsOf(perf: PerformanceMiddleware): Promise<unknown[]> {
  const url = 'http://localhost/debug/performance/data';
  const response = await perf.dashboard.handle(new Request(url), undefined);
  return ((await (response as Response).json()) as { requests: unknown[] }).requests;
}

describe('what a request leaves running', () => {
  it('is its own for a while, and told as late', async () => {
    const { perf, scope, poll } = endedFor(4_000);
    const { unscopedQueryCount } = recorder;
    expect([poll(), poll()]).toEqual([scope, scope]);
    expect(recorder.unscopedQueryCount).toBe(unscopedQueryCount);
    expect(perf.getStats()).toMatchObject({ totalQueries: 3, lateQueries: 2, unscopedQueries: 0 });
    expect(await rowsOf(perf)).toMatchObject([{ queryCount: 1, lateQueryCount: 2 }]);
  });

  it('is nobody’s from 5 seconds after its end on, and the scope grows no more', async () => {
    const { perf, scope, poll } = endedFor(5_000);
    for (let run = 0; run < 10; run += 1) expect(poll()).toBeUndefined();
    expect(scope.queries).toHaveLength(1);
    expect(scope.seen).toBeUndefined();
    expect(perf.getStats()).toMatchObject({ totalQueries: 1, lateQueries: 0, unscopedQueries: 10 });
    expect(await rowsOf(perf)).toMatchObject([{ queryCount: 1 }]);
  });

  it('is nobody’s in a part of the scope either, nor where a stack is asked for', () => {
    const { scope } = endedFor(5_000);
    const ignored = recorder.ignores.add('meant');
    recorder.runIn(scope, () => {
      expect(recorder.runIgnored(ignored, () => runQuery('SELECT 2'))).toBeUndefined();
      expect(recorder.runForModel('user', () => runQuery('SELECT 2'))).toBeUndefined();
      expect(recorder.currentScope()).toBeUndefined();
      expect(recorder.isStackDue('select users')).toBe(false);
      recorder.takeStack('SELECT 2', runQuery);
    });
    expect(scope.seen).toBeUndefined();
    expect(scope.hasIgnored).toBe(false);
  });

  it('holds for queries that are told by hand', () => {
    const { perf, scope } = endedFor(5_000);
    recorder.runIn(scope, () => perf.recordQuery('SELECT 3', { durationMs: 1 }));
    expect(scope.queryCount).toBe(1);
    expect(perf.getStats()).toMatchObject({ totalQueries: 2, lateQueries: 0 });
  });
});
