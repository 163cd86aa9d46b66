import { fastify as create } from 'fastify';
import { expect, it } from 'vitest';

import { performance } from '../../src/frameworks/fastify.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';

it('a request that is injected, over no socket, counts like any other', async () => {
  const perf = new PerformanceMiddleware({ authorize: () => true });
  const app = create();
  void app.register(performance(perf));
  app.register(async (routes) => {
    routes.get('/hello/:name', async () => 'hello');
    routes.get('/throws', async () => {
      throw new Error('thrown');
    });
  });
  const answers = [
    await app.inject('/hello/ann'),
    await app.inject('/throws'),
    await app.inject('/nowhere'),
  ];
  expect(answers.map(({ statusCode, headers }) => [statusCode, headers['x-query-count']])).toEqual([
    [200, '0'],
    [500, '0'],
    [404, '0'],
  ]);
  await expect.poll(() => perf.getStats().totalRequests).toBe(3);
  expect(getRecorder().core.snapshot().inFlightRequests).toEqual([]);
  const { body } = await app.inject('/debug/performance/data');
  const { requests } = JSON.parse(body) as { requests: { route: string; aborted: boolean }[] };
  expect(requests.map(({ route, aborted }) => [route, aborted])).toEqual([
    ['(unknown route)', false],
    ['/throws', false],
    ['/hello/:name', false],
  ]);
});
