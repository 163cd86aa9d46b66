import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { nodeMiddleware } from '../../src/frameworks/node-http.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';

it('a framework whose route cannot be read loses neither the query nor the answer', async () => {
  const perf = new PerformanceMiddleware();
  const recorder = getRecorder();
  const faultsBefore = recorder.faultCount;
  const observe = nodeMiddleware(perf, () => {
    throw new TypeError('a router of another version');
  });
  const server = createServer((request, response) => {
    observe(request, response, () => {
      const query = recorder.issue('SELECT 1', undefined, undefined);
      if (query !== undefined) {
        recorder.begin(query);
        recorder.end(query, 0, 1);
      }
      response.end('fine');
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => void server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;

  const answer = await fetch(`http://127.0.0.1:${port}/users/7`);

  expect(answer.headers.get('X-Query-Count')).toBe('1');
  expect(await answer.text()).toBe('fine');
  await expect.poll(() => perf.getStats().totalQueries).toBe(1);
  // Once: it is not asked again.
  expect(recorder.faultCount - faultsBefore).toBe(1);
});
