/** Express behind adapters of serverless platforms, in test tools, and connections that are handed over. */
import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import express from 'express';
import { fastify } from 'fastify';
import { afterEach, expect, it, onTestFinished } from 'vitest';

import { performance as forFastify } from '../../../src/frameworks/fastify.ts';
import { performance } from '../../../src/frameworks/express.ts';
import { PerformanceMiddleware } from '../../../src/performance/index.ts';
import { getRecorder } from '../../../src/recorder/index.ts';

// Their types are not ours to check.
// oxlint-disable-next-line typescript/no-explicit-any -- what they export is called as their pages say
async function load(name: string): Promise<any> {
  const module = (await import(name)) as { default?: unknown };
  return module.default ?? module;
}

afterEach(() => {
  expect(getRecorder().core.snapshot().inFlightRequests).toEqual([]);
  expect(getRecorder().faultCount).toBe(0);
});

function shop(): [express.Express, PerformanceMiddleware] {
  const perf = new PerformanceMiddleware();
  const app = express();
  app.use(performance(perf));
  app.get('/x', (_request, response) => {
    perf.recordQuery('SELECT 1', { durationMs: 1 });
    response.status(201).json('ok');
  });
  return [app, perf];
}

const EVENT = {
  httpMethod: 'GET',
  path: '/x',
  resource: '/',
  headers: { host: 'x' },
  multiValueHeaders: { host: ['x'] },
  queryStringParameters: {},
  requestContext: { identity: {}, stage: '$default' },
  pathParameters: {},
  stageVariables: null,
  body: '',
  isBase64Encoded: false,
};

it.each([
  ['serverless-http', async (app: object) => (await load('serverless-http'))(app)],
  [
    '@codegenie/serverless-express',
    async (app: object) => {
      const adapter = await load('@codegenie/serverless-express');
      return (adapter.default ?? adapter)({ app });
    },
  ],
])('%s: requests count when their response has finished', async (_, adapt) => {
  const [app, perf] = shop();
  const handle = (await adapt(app)) as (event: object, context: object) => Promise<object>;
  for (let count = 0; count < 3; count += 1) {
    expect(await handle(EVENT, {})).toMatchObject({ statusCode: 201, body: '"ok"' });
  }
  await handle({ ...EVENT, path: '/nowhere' }, {});
  expect(perf.getStats()).toMatchObject({ totalRequests: 4, totalQueries: 3 });
});

it('node-mocks-http, with an emitter and without', async () => {
  const mocks = await load('node-mocks-http');
  for (const options of [{ eventEmitter: EventEmitter }, {}]) {
    const perf = new PerformanceMiddleware();
    const request = mocks.createRequest({ method: 'GET', url: '/x' });
    const response = mocks.createResponse(options);
    performance(perf)(request, response, () => {
      perf.recordQuery('SELECT 1', { durationMs: 1 });
      response.status(200).json({});
    });
    await expect.poll(() => perf.getStats()).toMatchObject({ totalRequests: 1, totalQueries: 1 });
    expect(response._getJSONData()).toEqual({});
  }
});

it('supertest and light-my-request', async () => {
  const [app, perf] = shop();
  await (await load('supertest'))(app).get('/x').expect(201);
  await (
    await load('light-my-request')
  )(app, { method: 'GET', url: '/x' });
  await expect.poll(() => perf.getStats()).toMatchObject({ totalRequests: 2, totalQueries: 2 });
});

/** Opens a WebSocket, and sends it one message that is answered. */
async function talk(url: string): Promise<void> {
  const WebSocket = await load('ws');
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.on('open', () => socket.send('hello'));
    socket.on('message', resolve);
    socket.on('error', reject);
  });
  // While it is open its request is over.
  expect(getRecorder().core.snapshot().inFlightRequests).toEqual([]);
  socket.close();
  await new Promise((resolve) => socket.on('close', resolve));
}

it('@fastify/websocket: the request ends with the upgrade, messages are nobody’s', async () => {
  const perf = new PerformanceMiddleware();
  const app = fastify();
  onTestFinished(() => app.close());
  void app.register(forFastify(perf));
  void app.register(await load('@fastify/websocket'));
  const scopes: unknown[] = [];
  app.register(async (routes) => {
    routes.get(
      '/rooms/:name',
      { websocket: true } as object,
      ((socket: EventEmitter & { send(data: string): void }) => {
        socket.on('message', (data) => {
          scopes.push(getRecorder().currentScope());
          socket.send(String(data));
        });
      }) as never,
    );
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  await talk(`ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/rooms/blue`);
  expect(perf.getStats()).toMatchObject({ totalRequests: 1, lateQueries: 0 });
  expect(scopes).toEqual([undefined]);
});

it('ws on a server of its own leaves no request behind', async () => {
  const { WebSocketServer } = await load('ws');
  const [app, perf] = shop();
  const server = createServer(app);
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket: EventEmitter & { send(data: string): void }) => {
    socket.on('message', (data) => socket.send(String(data)));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  await talk(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  expect(perf.getStats().totalRequests).toBe(0);
});
