import { createServer, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { nodeMiddleware } from '../../src/frameworks/node-http.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';

it('a response that the application makes of the same request is left alone', async () => {
  const perf = new PerformanceMiddleware();
  const observe = nodeMiddleware(perf, undefined);
  const recorder = getRecorder();
  const seen: unknown[] = [];
  const server = createServer((request, response) => {
    observe(request, response, () => {
      // As renderers do, to hold back what a page writes.
      const inner = new ServerResponse(request);
      inner.on('ready', () => seen.push(recorder.currentScope()));
      recorder.runIn(undefined, () => inner.emit('ready'));
      inner.writeHead(404, { 'X-Inner': '1' });
      seen.push(inner.getHeaderNames(), response.getHeaderNames(), response.headersSent);
      inner.emit('close');
      seen.push(perf.getStats().totalRequests);
      response.end('outer');
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => void server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;

  const answer = await fetch(`http://127.0.0.1:${port}/`);

  expect(answer.status).toBe(200);
  expect(answer.headers.get('X-Query-Count')).toBe('0');
  expect(await answer.text()).toBe('outer');
  expect(seen).toEqual([undefined, [], [], false, 0]);
});

it('its headers are not written on the response that goes out either', async () => {
  const observe = nodeMiddleware(new PerformanceMiddleware(), undefined);
  const names: string[][] = [];
  const server = createServer((request, response) => {
    observe(request, response, () => {
      new ServerResponse(request).writeHead(200);
      names.push(response.getHeaderNames());
      response.end();
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => void server.once('listening', resolve));

  await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);

  expect(names).toEqual([[]]);
});
