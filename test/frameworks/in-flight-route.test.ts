/** The route that whoever looks from outside sees while a request is under way. */
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { serve } from '@hono/node-server';
import { Router } from '@koa/router';
import express from 'express';
import { fastify } from 'fastify';
import { type Context, Hono } from 'hono';
import Koa from 'koa';
import { describe, expect, it, onTestFinished } from 'vitest';

import { HyperApp } from '../../src/app/index.ts';
import { performance as forExpress } from '../../src/frameworks/express.ts';
import { performance as forFastify } from '../../src/frameworks/fastify.ts';
import { performance as forHono } from '../../src/frameworks/hono.ts';
import { performance as forKoa } from '../../src/frameworks/koa.ts';
import { performance as forNext } from '../../src/frameworks/next.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';

const recorder = getRecorder();

/** As another process would read it, at this moment: what a handler that blocks cannot help. */
function inFlight(): string[] {
  const { inFlightRequests, routes } = recorder.core.snapshot();
  return inFlightRequests.map(
    ({ routeId }) => routes.find(({ id }) => id === routeId)?.route ?? '?',
  );
}

function query(): void {
  const issued = recorder.issue('SELECT 1', undefined, undefined);
  if (issued === undefined) return;
  recorder.begin(issued);
  recorder.end(issued, 0, 1);
}

/** What is seen at the start of the handler, before it asks for anything. */
let atStart: string[] = [];

function look(): string {
  atStart = inFlight();
  return 'ok';
}

/** And what is seen at the query of a middleware that runs before. */
let atMiddleware: string[] = [];

function lookFromMiddleware(): void {
  query();
  atMiddleware = inFlight();
}

async function listening(server: Server): Promise<number> {
  if (!server.listening) {
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  }
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function visit(port: number, path: string): Promise<void> {
  atStart = [];
  atMiddleware = [];
  await new Promise<void>((resolve, reject) => {
    get({ port, path, host: '127.0.0.1', agent: false }, (incoming) => {
      incoming.resume().on('end', resolve);
    }).on('error', reject);
  });
}

/** Each with a middleware that asks, and with `/items/special` and `/items/:id` in both orders. */
const FRAMEWORKS: Record<string, (perf: PerformanceMiddleware) => Promise<number>> = {
  async Express(perf) {
    const app = express();
    app.use(forExpress(perf));
    app.use((_request, _response, next) => {
      lookFromMiddleware();
      next();
    });
    const items = express.Router();
    items.get('/special', (_request, response) => void response.send(look()));
    items.get('/:id', (_request, response) => void response.send(look()));
    items.all('/:id/passed', (_request, _response, next) => next());
    items.get('/:id/passed', (_request, response) => void response.send(look()));
    app.use('/items', items);
    return listening(createServer(app));
  },
  async Fastify(perf) {
    const app = fastify();
    void app.register(forFastify(perf));
    app.register(async (routes) => {
      routes.addHook('onRequest', async () => lookFromMiddleware());
      routes.get('/items/special', async () => look());
      routes.get('/items/:id', async () => look());
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return listening(app.server);
  },
  async Koa(perf) {
    const app = new Koa();
    app.use(forKoa(perf));
    const router = new Router();
    router.use(async (_context, next) => {
      lookFromMiddleware();
      await next();
    });
    router.get('/items/special', (context) => void (context.body = look()));
    router.get('/items/:id', (context) => void (context.body = look()));
    app.use(router.routes());
    return listening(createServer((request, response) => void app.callback()(request, response)));
  },
  async Hono(perf) {
    const app = new Hono();
    app.use(forHono(perf));
    app.use(async (_c, next) => {
      lookFromMiddleware();
      await next();
    });
    app.get('/items/special', (c) => c.text(look()));
    app.get('/items/:id', (c) => c.text(look()));
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
    await expect.poll(() => server.listening).toBe(true);
    return listening(server);
  },
  async HyperApp(perf) {
    const app = new HyperApp('shop');
    app.use(perf);
    app.use(async (_c: Context, next) => {
      lookFromMiddleware();
      await next();
    });
    app.get('/items/special', (c) => c.text(look()));
    app.get('/items/:id', (c) => c.text(look()));
    const server = await app.listen({ port: 0 });
    onTestFinished(() => server.close());
    return server.port;
  },
};

async function namesOf(perf: PerformanceMiddleware): Promise<string[]> {
  const page = new Request('http://localhost/debug/performance/data');
  const response = await perf.dashboard.handle(page, undefined);
  const { requests } = (await (response as Response).json()) as {
    requests: { method: string; route: string }[];
  };
  return requests.map(({ method, route }) => `${method} ${route}`);
}

describe.each(Object.entries(FRAMEWORKS))('%s', (_, start) => {
  it('tells the route of a handler that has asked for nothing yet', async () => {
    const perf = new PerformanceMiddleware({ authorize: () => true });
    const port = await start(perf);
    for (const [path, route] of [
      ['/items/special', 'GET /items/special'],
      ['/items/7', 'GET /items/:id'],
    ] as const) {
      await visit(port, path);
      expect(atStart).toEqual([route]);
      // A guess is right or none.
      expect([route, 'GET (unknown route)']).toContain(atMiddleware[0]);
    }
    await visit(port, '/nowhere');
    await expect
      .poll(() => namesOf(perf))
      .toEqual(['GET (unknown route)', 'GET /items/:id', 'GET /items/special']);
  });
});

it('Express tells the last of several routes that a request takes', async () => {
  const perf = new PerformanceMiddleware({ authorize: () => true });
  const port = await (FRAMEWORKS['Express'] as (typeof FRAMEWORKS)['Express'])?.(perf);
  await visit(port, '/items/7/passed');
  expect(atStart).toEqual(['GET /items/:id/passed']);
});

it('Hono tells the handler that a query comes from, and not the one that passed it on', async () => {
  const perf = new PerformanceMiddleware({ authorize: () => true });
  const app = new Hono();
  app.use(forHono(perf));
  app.get('/items/*', (_c, next) => next());
  app.get('/items/special', (c) => {
    query();
    atStart = inFlight();
    return c.text('ok');
  });
  await app.request('/items/special');
  expect(atStart).toEqual(['GET /items/special']);
  expect(await namesOf(perf)).toEqual(['GET /items/special']);
});

it('Hono’s middleware that answers itself has no route, one within others its own', async () => {
  const perf = new PerformanceMiddleware({ authorize: () => true });
  const app = new Hono();
  app.use(forHono(perf));
  app.use('/admin/*', async (c, _next) => c.text('no', 401));
  const inner = new Hono();
  inner.onError((_error, c) => c.text('broken', 500));
  inner.get('/things/:id', (c) => c.text(look()));
  inner.all('/any', (c) => c.text(look()));
  app.route('/inner', inner);
  for (const path of ['/admin/users', '/inner/things/7', '/inner/any']) await app.request(path);
  expect(await namesOf(perf)).toEqual([
    'GET /inner/any',
    'GET /inner/things/:id',
    'GET (unknown route)',
  ]);
});

it('Next.js tells it once the parameters are there', async () => {
  const observe = forNext();
  const handler = observe(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return new Response(look());
  });
  await handler(new Request('http://localhost/users/7'), {
    params: Promise.resolve({ id: '7' }),
  });
  expect(atStart).toEqual(['GET /users/[id]']);
  const named = observe(() => new Response(look()), '/named');
  await named(new Request('http://localhost/users/7'), {});
  expect(atStart).toEqual(['GET /named']);
});
