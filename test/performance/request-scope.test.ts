import { connect } from 'node:net';

import { Hono } from 'hono';
import { serve } from '@hono/node-server';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';

import { HyperApp, type ListeningApp } from '../../src/app/index.ts';
import { performance as honoPerformance } from '../../src/frameworks/hono.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';

afterEach(async () => {
  const requests = (): unknown => getRecorder().core.snapshot().inFlightRequests;
  await expect.poll(requests).toEqual([]);
});

async function listen(app: HyperApp): Promise<ListeningApp> {
  const listening = await app.listen({ port: 0 });
  onTestFinished(() => listening.close());
  return listening;
}

/** The page's rows: route, status and whether it was aborted, oldest first. */
async function requestsOf(perf: PerformanceMiddleware, path: string): Promise<unknown[]> {
  const page = new Request(`http://localhost${path}/data`);
  const response = await perf.dashboard.handle(page, undefined);
  const { requests } = JSON.parse((await response?.text()) ?? '') as {
    requests: { route: string; status: number; aborted: boolean; queryCount: number }[];
  };
  return requests
    .toReversed()
    .map(({ route, queryCount, aborted }) => [route, queryCount, aborted]);
}

describe('a request inside a request', () => {
  it('through app.fetch has a scope of its own', async () => {
    const perf = new PerformanceMiddleware({ authorize: () => true });
    const app = new HyperApp('shop');
    app.use(perf);
    app.get('/inner/:id', (c) => {
      perf.recordQuery('SELECT 1 FROM inner_table', { durationMs: 1 });
      return c.text('inner');
    });
    app.get('/outer', async (c) => {
      perf.recordQuery('SELECT 1 FROM outer_table', { durationMs: 1 });
      const inner = await app.fetch(new Request('http://localhost/inner/7'));
      perf.recordQuery('SELECT 2 FROM outer_table', { durationMs: 1 });
      return c.text(inner.headers.get('X-Query-Count') ?? 'none');
    });
    const { url } = await listen(app);
    for (const send of [fetch, (target: string) => app.fetch(new Request(target))]) {
      const response = await send(`${url}/outer`);
      expect([response.headers.get('X-Query-Count'), await response.text()]).toEqual(['2', '1']);
    }
    await expect.poll(() => perf.getStats()).toMatchObject({ totalRequests: 4, totalQueries: 6 });
    expect(await requestsOf(perf, '/debug/performance')).toEqual([
      ['/inner/:id', 1, false],
      ['/outer', 2, false],
      ['/inner/:id', 1, false],
      ['/outer', 2, false],
    ]);
  });

  it('through middlewares of the same request is the same one', async () => {
    const [first, second] = [new PerformanceMiddleware(), new PerformanceMiddleware()];
    const app = new Hono();
    app.use(honoPerformance(first));
    app.use(honoPerformance(second));
    app.get('/', (c) => {
      first.recordQuery('SELECT 1', { durationMs: 1 });
      return c.text('ok');
    });
    await app.request('/');
    for (const perf of [first, second]) {
      expect(perf.getStats()).toMatchObject({ totalRequests: 1, totalQueries: 1 });
    }
  });
});

describe('a client that goes away', () => {
  it('leaves the pattern of its route and not its path', async () => {
    const perf = new PerformanceMiddleware({ authorize: () => true });
    const app = new HyperApp('shop');
    app.use(perf);
    let arrive = (): void => {};
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    app.get('/reset/:token', async (c) => {
      arrive();
      await released;
      return c.text('too late');
    });
    const { port } = await listen(app);
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /reset/s3cret HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await arrived;
    socket.destroy();
    await expect.poll(() => perf.getStats().totalRequests).toBe(1);
    release();
    expect(await requestsOf(perf, '/debug/performance')).toEqual([['/reset/:token', 0, true]]);
  });

  it('takes its pipelined requests along, answered or not', async () => {
    const perf = new PerformanceMiddleware();
    const app = new HyperApp('shop');
    app.use(perf);
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let seen = 0;
    app.get('/waits', async (c) => {
      seen += 1;
      await released;
      return c.text('too late');
    });
    app.get('/answers', (c) => {
      seen += 1;
      return c.text('its turn never comes');
    });
    const { port } = await listen(app);
    const socket = connect(port, '127.0.0.1');
    for (const path of ['/waits', '/waits', '/answers']) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    }
    await expect.poll(() => seen).toBe(3);
    socket.destroy();
    await expect.poll(() => perf.getStats().totalRequests).toBe(3);
    release();
  });

  it('before the middleware came is counted all the same', async () => {
    const perf = new PerformanceMiddleware();
    const app = new Hono();
    let arrive = (): void => {};
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    app.use(async (c, next) => {
      arrive();
      await new Promise((resolve) => c.req.raw.signal.addEventListener('abort', resolve));
      await next();
    });
    app.use(honoPerformance(perf));
    app.get('/', (c) => c.text('too late'));
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    onTestFinished(() => void server.close());
    await expect.poll(() => server.listening).toBe(true);
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await arrived;
    socket.destroy();
    await expect.poll(() => perf.getStats().totalRequests).toBe(1);
  });
});

it('a response that cannot be made anew goes out without headers', async () => {
  const app = new HyperApp('shop');
  app.use(new PerformanceMiddleware());
  app.get('/', () => {
    const upstream = Response.redirect('http://localhost/elsewhere', 302);
    const readAlready = {
      get: (): never => {
        throw new TypeError('read already');
      },
    };
    return Object.defineProperty(upstream, 'body', readAlready);
  });
  const response = await app.fetch(new Request('http://localhost/'));
  expect(response.status).toBe(302);
  expect(getRecorder().faultCount).toBe(1);
});

it('a query recorded when the statement table is full keeps its text', () => {
  const perf = new PerformanceMiddleware({ slowQueryThresholdMs: 1 });
  for (let index = 0; index < 3_000; index += 1) {
    perf.recordQuery(`SELECT 1 FROM table_${index}`, { durationMs: 0 });
  }
  perf.recordQuery("SELECT 's3cret' FROM the_last", { durationMs: 5 });
  expect(perf.getStats().recentSlowQueries.map(({ sql }) => sql)).toEqual([
    'SELECT $1 FROM the_last',
  ]);
});
