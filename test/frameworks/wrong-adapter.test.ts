/** Each adapter, and a `PerformanceMiddleware` itself, given to each framework that is not its own. */
import { createServer, request as ask, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import { serve } from '@hono/node-server';
import express from 'express';
import { fastify } from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { HyperApp } from '../../src/app/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { performance as forExpress } from '../../src/frameworks/express.ts';
import { performance as forFastify } from '../../src/frameworks/fastify.ts';
import { performance as forHono } from '../../src/frameworks/hono.ts';
import { performance as forKoa } from '../../src/frameworks/koa.ts';
import { performance as forNest } from '../../src/frameworks/nest.ts';
import { performance as forNext } from '../../src/frameworks/next.ts';
import { performance as forNode } from '../../src/frameworks/node.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';

const ADAPTERS = {
  express: forExpress,
  fastify: forFastify,
  hono: forHono,
  koa: forKoa,
  nest: forNest,
  next: forNext,
  node: forNode,
} as const;

const WRONG = {
  ...ADAPTERS,
  'the middleware itself': () => new PerformanceMiddleware(),
};

/** Not those that share the form of the right one. */
function wrongFor(...right: string[]): [string, never][] {
  const wrong = Object.entries(WRONG).filter(([name]) => !right.includes(name));
  return wrong.map(([name, make]) => [name, make() as never]);
}

const describedAs = (name: string): string =>
  name in ADAPTERS ? `performance() of hyperdjango/${name}` : 'a PerformanceMiddleware';

let warnings: string[] = [];

beforeEach(() => {
  warnings = [];
  const listener = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
});

afterEach(() => {
  expect(getRecorder().faultCount).toBe(0);
  expect(getRecorder().core.snapshot().inFlightRequests).toEqual([]);
});

async function answers(listener: RequestListener): Promise<[number | undefined, string][]> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return answersOf((server.address() as AddressInfo).port);
}

/** Two requests: what is said is said once. */
async function answersOf(port: number): Promise<[number | undefined, string][]> {
  const one = (): Promise<[number | undefined, string]> =>
    new Promise((resolve, reject) => {
      const options = { port, host: '127.0.0.1', path: '/', agent: false };
      const outgoing = ask(options, (incoming) => {
        let body = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        incoming.on('end', () => resolve([incoming.statusCode, body]));
      });
      outgoing.on('error', reject).end();
    });
  return [await one(), await one()];
}

const FINE = [
  [200, 'fine'],
  [200, 'fine'],
];

/** As `app.use(…)` in a file of the application's is named in a stack. */
describe('at set-up', () => {
  it.each(wrongFor('express', 'nest', 'node'))('Express refuses %s', (name, wrong) => {
    const app = express();
    const error = new OptionError(
      'app.use() of Express',
      'performance() of hyperdjango/express',
      describedAs(name),
    );
    expect(() => app.use(wrong)).toThrow(error);
    expect(() => app.use('/api', wrong)).toThrow(error);
  });

  it.each(wrongFor('koa'))('Koa refuses %s', (name, wrong) => {
    expect(() => new Koa().use(wrong)).toThrow(
      new OptionError('app.use() of Koa', 'performance() of hyperdjango/koa', describedAs(name)),
    );
  });

  it.each(wrongFor('fastify'))('Fastify does not start with %s', async (name, wrong) => {
    const app = fastify();
    onTestFinished(() => app.close());
    await expect(async () => {
      app.register(wrong);
      await app.ready();
    }).rejects.toThrow(
      new OptionError(
        'app.register() of Fastify',
        'performance() of hyperdjango/fastify',
        describedAs(name),
      ),
    );
  });

  it.each(wrongFor('hono', 'the middleware itself'))('HyperApp refuses %s', (name, wrong) => {
    expect(() => new HyperApp('shop').use(wrong)).toThrow(
      new OptionError(
        'HyperApp.use(middleware)',
        'a PerformanceMiddleware or middleware of Hono',
        describedAs(name),
      ),
    );
  });

  it.each(wrongFor('next'))('%s refuses a route handler of Next.js', (name, wrong) => {
    expect(() => (wrong as (handler: unknown) => unknown)(() => new Response())).toThrow(
      new OptionError('a route handler', 'performance() of hyperdjango/next', describedAs(name)),
    );
  });

  it.each(Object.keys(ADAPTERS))('performance() of %s refuses another adapter', (name) => {
    const make = ADAPTERS[name as keyof typeof ADAPTERS] as (wrong: unknown) => unknown;
    for (const [other, wrong] of wrongFor('the middleware itself')) {
      expect(() => make(wrong)).toThrow(
        new OptionError('performance()', 'options or a PerformanceMiddleware', describedAs(other)),
      );
    }
  });
});

describe('where it shows with the first request only', () => {
  it.each(wrongFor('hono'))('Hono goes on without %s, and says so once', async (name, wrong) => {
    const app = new Hono();
    app.use(wrong);
    app.get('/', (c) => c.text('fine'));
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    onTestFinished(() => void server.close());
    await expect.poll(() => server.listening).toBe(true);
    expect(await answersOf((server.address() as AddressInfo).port)).toEqual(FINE);
    await expect
      .poll(() => warnings)
      .toEqual([
        `Hono calls ${describedAs(name)}: Hono takes performance() of hyperdjango/hono; ` +
          'requests pass it by, unwatched',
      ]);
  });

  it.each(wrongFor('express', 'nest', 'node'))(
    'a router of Express goes on without %s',
    async (name, wrong) => {
      const router = express.Router();
      router.use((request, response, next) => (wrong as RequestHandler)(request, response, next));
      router.get('/', (_request, response) => void response.send('fine'));
      expect(await answers(express().use(router))).toEqual(FINE);
      await expect
        .poll(() => warnings)
        .toEqual([
          `Express calls ${describedAs(name)}: Express takes performance() of hyperdjango/express; ` +
            'requests pass it by, unwatched',
        ]);
    },
  );

  it.each(wrongFor('koa'))('a middleware of Koa goes on without %s', async (name, wrong) => {
    const app = new Koa();
    app.use((context, next) => (wrong as (...args: unknown[]) => Promise<void>)(context, next));
    app.use((context) => void (context.body = 'fine'));
    expect(await answers((request, response) => void app.callback()(request, response))).toEqual(
      FINE,
    );
    await expect
      .poll(() => warnings)
      .toEqual([
        `Koa calls ${describedAs(name)}: Koa takes performance() of hyperdjango/koa; ` +
          'requests pass it by, unwatched',
      ]);
  });

  it.each(wrongFor())('a hook of Fastify goes on without %s', async (name, wrong) => {
    const app = fastify();
    onTestFinished(() => app.close());
    app.addHook('onRequest', (...args: unknown[]) => void (wrong as Called)(...args));
    app.get('/', async () => 'fine');
    await app.listen({ port: 0, host: '127.0.0.1' });
    expect(await answersOf((app.server.address() as AddressInfo).port)).toEqual(FINE);
    const right =
      name === 'fastify'
        ? 'it is to be used as docs/frameworks.md says'
        : 'Fastify takes performance() of hyperdjango/fastify';
    await expect
      .poll(() => warnings)
      .toEqual([`Fastify calls ${describedAs(name)}: ${right}; requests pass it by, unwatched`]);
  });

  it.each(wrongFor())('a server survives %s as its listener', async (_, wrong) => {
    expect(
      await answers((request, response) => {
        (wrong as Called)(request, response);
        response.end('fine');
      }),
    ).toEqual(FINE);
  });
});

type Called = (...args: unknown[]) => unknown;
type RequestHandler = (request: unknown, response: unknown, next: unknown) => void;

it('turned off, an adapter is no less careful', async () => {
  vi.stubEnv('HYPERDJANGO_DISABLED', '1');
  onTestFinished(() => void vi.unstubAllEnvs());
  const app = new Hono();
  for (const [, wrong] of wrongFor()) app.use(wrong);
  app.get('/', (c) => c.text('fine'));
  expect((await app.request('/')).status).toBe(200);
  expect(() => express().use(forKoa() as never)).toThrow(OptionError);
});

it('a middleware is an object like any other, to those who do not call it', () => {
  const perf = new PerformanceMiddleware();
  expect(perf).toBeInstanceOf(PerformanceMiddleware);
  expect(Reflect.get(perf, 'handle')).toBeUndefined();
  expect(perf.getStats().totalRequests).toBe(0);
});
