import { expect, it } from 'vitest';

import { VERDICT } from '../../src/engine/engine.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';

const END = { statusCode: 200, isAborted: false };

it('names a request in flight at its first query after its route became known', () => {
  const recorder = getRecorder();
  const scope = recorder.openScope('request', '');
  const route = (): string | undefined => {
    const { inFlightRequests, routes } = recorder.core.snapshot();
    const request = inFlightRequests.find(({ handle }) => handle === scope.handle);
    return routes.find(({ id }) => id === request?.routeId)?.route;
  };
  expect(route()).toBeUndefined();
  scope.rename('GET /late/:id');
  const query = recorder.runIn(scope, () => recorder.issue('SELECT 1', undefined, undefined));
  if (query === undefined) throw new Error('the query was not recorded');
  recorder.begin(query);
  expect(route()).toBe('GET /late/:id');
  recorder.end(query, 0, 1);
  recorder.closeScope(scope, END);
});

it('writes down what the analysis finds when a scope closes', () => {
  const recorder = getRecorder();
  const middleware = new PerformanceMiddleware({ nPlusOneThreshold: 3 });
  for (let request = 0; request < 2; request += 1) {
    const scope = recorder.openScope('request', 'GET /orders');
    middleware.observe(scope);
    recorder.runIn(scope, () => {
      for (let id = 0; id < 4; id += 1) recorder.record(`SELECT a FROM b WHERE id = ${id}`, 1000);
    });
    recorder.closeScope(scope, END);
  }
  middleware.getStats();
  const { findings, routes, statements } = recorder.core.snapshot();
  const statement = statements.find(({ text }) => text === 'SELECT a FROM b WHERE id = $1');
  const route = routes.find((each) => each.route === 'GET /orders');
  expect(findings).toMatchObject([
    {
      verdict: VERDICT.nPlusOne,
      statementId: statement?.id,
      fingerprint: statement?.fingerprint,
      routeId: route?.id,
      count: 2,
      queryCount: 8,
      totalNs: 8000,
    },
  ]);
});
