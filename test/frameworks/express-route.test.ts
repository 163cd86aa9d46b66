import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import express, { type ErrorRequestHandler, type Express } from 'express';
import { expect, it, onTestFinished } from 'vitest';

import { performance } from '../../src/frameworks/express.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';

/** The routes that the requests are counted under. */
async function routesOf(
  build: (app: Express) => void,
  paths: readonly string[],
): Promise<(string | undefined)[]> {
  const perf = new PerformanceMiddleware({ authorize: () => true });
  const app = express();
  app.use(performance(perf));
  build(app);
  const server = createServer(app as RequestListener);
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const [index, path] of paths.entries()) {
    await (await fetch(`http://127.0.0.1:${port}${path}`)).arrayBuffer();
    await expect.poll(() => perf.getStats().totalRequests).toBe(index + 1);
  }
  const data = await perf.dashboard.handle(
    new Request('http://localhost/debug/performance/data'),
    undefined,
  );
  const { requests } = JSON.parse((await data?.text()) ?? '') as { requests: { route: string }[] };
  return requests.toReversed().map(({ route }) => route);
}

const answer: RequestListener = (_request, response) => void response.end();

it('of a router that is mounted at several places', async () => {
  const router = express.Router();
  router.get('/:id', answer);
  const build = (app: Express): void => {
    app.use('/cats', router);
    app.use('/dogs/:breed', router);
  };
  expect(await routesOf(build, ['/cats/1', '/dogs/poodle/1', '/cats/2'])).toEqual([
    '/cats/:id',
    '/dogs/:breed/:id',
    '/cats/:id',
  ]);
});

it('of an error within a router, which Express has left by then', async () => {
  const router = express.Router();
  router.get('/:id', () => {
    throw new Error('s3cret');
  });
  const build = (app: Express): void => {
    app.use('/things/:kind', router);
    const onError: ErrorRequestHandler = (_error, _request, response, _next) => {
      response.status(500).end();
    };
    app.use(onError);
  };
  expect(await routesOf(build, ['/things/a/1'])).toEqual(['/things/:kind/:id']);
});

it('of an application within another', async () => {
  const shop = express();
  const router = express.Router();
  router.get('/:id', answer);
  shop.get('/', answer);
  shop.use('/items/:kind', router);
  const build = (app: Express): void => void app.use('/shop', shop);
  expect(await routesOf(build, ['/shop/', '/shop/items/a/1'])).toEqual([
    '/shop',
    '/shop/items/:kind/:id',
  ]);
});

it('of several paths, of expressions, of the root', async () => {
  const router = express.Router();
  router.get('/end', answer);
  const build = (app: Express): void => {
    app.get('/', answer);
    app.get(['/a', '/b/:id'], answer);
    app.get(/^\/file-\d+$/, answer);
    app.use(['/x', '/y/:id'], router);
    app.use(/^\/t[0-9]+/, router);
  };
  const paths = ['/', '/b/1', '/file-7', '/x/end', '/y/1/end', '/t1/end', '/t2/end'];
  expect(await routesOf(build, paths)).toEqual([
    '/',
    '/a|/b/:id',
    String.raw`/(^\/file-\d+$)`,
    '/x/end',
    '/y/:id/end',
    '/(^\\/t[0-9]+)/end',
    '/(^\\/t[0-9]+)/end',
  ]);
});

it('is unknown where a middleware answers, or nobody', async () => {
  const build = (app: Express): void => {
    app.use('/static', answer);
  };
  expect(await routesOf(build, ['/static/s3cret', '/s3cret', '/%E0%A4%A'])).toEqual([
    '(unknown route)',
    '(unknown route)',
    '(unknown route)',
  ]);
});
