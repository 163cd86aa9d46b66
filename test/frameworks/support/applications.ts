import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Readable } from 'node:stream';

import type expressModule from 'express';
import type { ErrorRequestHandler } from 'express';

import { performance as expressPerformance } from '../../../src/frameworks/express.ts';
import { performance as fastifyPerformance } from '../../../src/frameworks/fastify.ts';
import { performance as honoPerformance } from '../../../src/frameworks/hono.ts';
import { performance as koaPerformance } from '../../../src/frameworks/koa.ts';
import { performance as nodePerformance, setRoute } from '../../../src/frameworks/node.ts';
import { profileHandler } from '../../../src/profiling/index.ts';
import { type Framework, listening, type Program } from './program.ts';

async function lengthOf(body: AsyncIterable<Buffer>): Promise<number> {
  let length = 0;
  for await (const chunk of body) length += chunk.length;
  return length;
}

async function answerRaw(program: Program, tag: string, response: ServerResponse): Promise<void> {
  const text = await program.query(tag);
  response.writeHead(200, ['Content-Type', 'text/plain', 'X-Own', 'first', 'X-Own', 'second']);
  response.end(text);
}

export const node: Framework = {
  name: 'node:http',
  async start(program) {
    const layers = program.middlewares.map((middleware) => nodePerformance(middleware));
    return listening(
      createServer((request, response) => {
        const answer = (): void => void answerPlain(program, request, response);
        layers.reduceRight<() => void>(
          (next, layer) => () => layer(request, response, next),
          answer,
        )();
      }),
    );
  },
};

async function answerPlain(
  program: Program,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, route = '', tag = '', , item = ''] = (request.url ?? '').split(/[/?]/);
  const name = (pattern: string): void => setRoute(request, pattern);
  try {
    switch (`${request.method} /${route}`) {
      case 'GET /hello':
        name('/hello/:name');
        response.end(`hello ${await program.query(tag)}`);
        return;
      case 'POST /echo': {
        name('/echo/:name');
        // By listeners, which the parser calls in a context of its own.
        let length = 0;
        request.on('data', (chunk: Buffer) => (length += chunk.length));
        request.on('end', () => {
          void program.query(tag).then((text) => response.end(`${text} ${length}`));
        });
        return;
      }
      case 'GET /throws':
        name('/throws');
        throw new Error('thrown');
      case 'GET /rejects':
        name('/rejects/:name');
        throw new Error(await program.query(tag));
      case 'GET /moved':
        name('/moved');
        response.writeHead(302, { Location: '/hello/there', 'Set-Cookie': ['a=1', 'b=2'] });
        response.end();
        return;
      case 'GET /stream':
        name('/stream/:name');
        response.flushHeaders();
        Readable.from(program.pieces(tag)).pipe(response);
        return;
      case 'GET /raw':
        name('/raw/:name');
        await answerRaw(program, tag, response);
        return;
      case 'GET /waits':
        name('/waits/:name');
        response.end(await program.wait(tag));
        return;
      case 'GET /work':
        name('/work/:name');
        response.end(await program.work(tag));
        return;
      case 'GET /nested':
        name('/nested/:outer/items/:name');
        response.end(await program.query(item));
        return;
      case 'GET /profiled':
        name('/profiled/:name');
        response.end(await profileHandler(() => program.query(tag))());
        return;
      default:
        response.statusCode = 404;
        response.end('Not Found');
    }
  } catch {
    response.statusCode = 500;
    response.end('broken');
  }
}

type ExpressModule = typeof expressModule;

/** Express 5 and 4 differ in nothing that is used here, but that 4 waits for no promise. */
export function expressOn(name: string, load: () => Promise<ExpressModule>): Framework {
  return {
    name,
    async start(program) {
      const express = await load();
      const app = express();
      for (const middleware of program.middlewares) app.use(expressPerformance(middleware));
      const tagOf = (request: { params: Record<string, unknown> }): string =>
        String(request.params['name']);
      app.get('/hello/:name', async (request, response) => {
        response.send(`hello ${await program.query(tagOf(request))}`);
      });
      app.post(
        '/echo/:name',
        express.raw({ limit: '1mb', type: () => true }),
        async (request, response) => {
          const { length } = request.body as Buffer;
          response.send(`${await program.query(tagOf(request))} ${length}`);
        },
      );
      app.get('/throws', () => {
        throw new Error('thrown');
      });
      app.get('/rejects/:name', (request, _response, next) => {
        // Express 4 waits for no promise.
        void program.query(tagOf(request)).finally(() => next(new Error('rejected')));
      });
      app.get('/moved', (_request, response) => response.redirect('/hello/there'));
      app.get('/stream/:name', (request, response) => {
        response.flushHeaders();
        Readable.from(program.pieces(tagOf(request))).pipe(response);
      });
      app.get('/raw/:name', async (request, response) => {
        await answerRaw(program, tagOf(request), response);
      });
      app.get('/waits/:name', async (request, response) => {
        response.send(await program.wait(tagOf(request)));
      });
      app.get('/work/:name', async (request, response) => {
        response.send(await program.work(tagOf(request)));
      });
      const items = express.Router();
      items.get('/:name', async (request, response) => {
        response.send(await program.query(tagOf(request)));
      });
      const nested = express.Router();
      nested.use('/items', items);
      app.use('/nested/:outer', nested);
      app.get(
        '/profiled/:name',
        profileHandler(async (request, response) => {
          response.send(await program.query(tagOf(request)));
        }),
      );
      const onError: ErrorRequestHandler = (_error, _request, response, _next) => {
        response.status(500).send('broken');
      };
      app.use(onError);
      return listening(createServer(app));
    },
  };
}

export const express: Framework = expressOn(
  'Express 5',
  async () => (await import('express')).default,
);

export const fastify: Framework = {
  name: 'Fastify 5',
  async start(program) {
    const { fastify: create } = await import('fastify');
    const app = create();
    for (const middleware of program.middlewares) void app.register(fastifyPerformance(middleware));
    const tagOf = (request: { params: unknown }): string =>
      (request.params as { name: string }).name;
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: 1_000_000 }, (_, body, done) =>
      done(null, body),
    );
    // Routes are complete when the plugins are there.
    app.register(async (routes) => {
      routes.get('/hello/:name', async (request) => `hello ${await program.query(tagOf(request))}`);
      routes.post('/echo/:name', { bodyLimit: 1_000_000 }, async (request) => {
        const { length } = request.body as Buffer;
        return `${await program.query(tagOf(request))} ${length}`;
      });
      routes.get('/throws', () => {
        throw new Error('thrown');
      });
      routes.get('/rejects/:name', async (request) => {
        throw new Error(await program.query(tagOf(request)));
      });
      routes.get('/moved', (_request, reply) => reply.redirect('/hello/there'));
      routes.get('/stream/:name', (request, reply) =>
        reply.send(Readable.from(program.pieces(tagOf(request)))),
      );
      routes.get('/raw/:name', async (request, reply) => {
        reply.hijack();
        await answerRaw(program, tagOf(request), reply.raw);
      });
      routes.get('/waits/:name', async (request) => program.wait(tagOf(request)));
      routes.get('/work/:name', async (request) => program.work(tagOf(request)));
      routes.get(
        '/profiled/:name',
        profileHandler(async (request) => program.query(tagOf(request))),
      );
    });
    app.register(
      async (nested) => {
        nested.get('/items/:name', async (request) => program.query(tagOf(request)));
      },
      { prefix: '/nested/:outer' },
    );
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server;
  },
};

export const koa: Framework = {
  name: 'Koa 3',
  async start(program) {
    const { default: Koa } = await import('koa');
    const { default: Router } = await import('@koa/router');
    const app = new Koa();
    app.silent = true;
    for (const middleware of program.middlewares) app.use(koaPerformance(middleware));
    const routes = new Router();
    const tagOf = (context: { params: Record<string, string> }): string =>
      context.params['name'] ?? '';
    routes.get('/hello/:name', async (context) => {
      context.body = `hello ${await program.query(tagOf(context))}`;
    });
    routes.post('/echo/:name', async (context) => {
      const length = await lengthOf(context.req);
      context.body = `${await program.query(tagOf(context))} ${length}`;
    });
    routes.get('/throws', () => {
      throw new Error('thrown');
    });
    routes.get('/rejects/:name', async (context) => {
      throw new Error(await program.query(tagOf(context)));
    });
    routes.get('/moved', (context) => context.redirect('/hello/there'));
    routes.get('/stream/:name', (context) => {
      context.body = Readable.from(program.pieces(tagOf(context)));
    });
    routes.get('/raw/:name', async (context) => {
      context.respond = false;
      await answerRaw(program, tagOf(context), context.res);
    });
    routes.get('/waits/:name', async (context) => {
      context.body = await program.wait(tagOf(context));
    });
    routes.get('/work/:name', async (context) => {
      context.body = await program.work(tagOf(context));
    });
    routes.get('/profiled/:name', async (context) => {
      context.body = await profileHandler(() => program.query(tagOf(context)))();
    });
    const nested = new Router({ prefix: '/nested/:outer' });
    nested.get('/items/:name', async (context) => {
      context.body = await program.query(tagOf(context));
    });
    app.use(routes.routes());
    app.use(nested.routes());
    return listening(createServer(app.callback() as RequestListener));
  },
};

export const hono: Framework = {
  name: 'Hono 4',
  async start(program) {
    const { Hono } = await import('hono');
    const { serve } = await import('@hono/node-server');
    const app = new Hono();
    for (const middleware of program.middlewares) app.use(honoPerformance(middleware));
    app.get('/hello/:name', async (c) =>
      c.text(`hello ${await program.query(c.req.param('name'))}`),
    );
    app.post('/echo/:name', async (c) => {
      const { byteLength } = await c.req.arrayBuffer();
      return c.text(`${await program.query(c.req.param('name'))} ${byteLength}`);
    });
    app.get('/throws', () => {
      throw new Error('thrown');
    });
    app.get('/rejects/:name', async (c) => {
      throw new Error(await program.query(c.req.param('name')));
    });
    app.get('/moved', (c) => c.redirect('/hello/there'));
    app.get('/stream/:name', (c) => {
      const pieces = Readable.from(program.pieces(c.req.param('name')));
      return c.body(Readable.toWeb(pieces) as ReadableStream);
    });
    app.get('/waits/:name', async (c) => c.text(await program.wait(c.req.param('name'))));
    app.get('/work/:name', async (c) => c.text(await program.work(c.req.param('name'))));
    app.get('/profiled/:name', (c) =>
      profileHandler(async () => c.text(await program.query(c.req.param('name'))))(),
    );
    const nested = new Hono();
    nested.get('/items/:name', async (c) => c.text(await program.query(c.req.param('name'))));
    app.route('/nested/:outer', nested);
    app.onError((_error, c) => c.text('broken', 500));
    return new Promise((resolve) => {
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () =>
        resolve(server as Server),
      );
    });
  },
  // The pattern of the middleware: it is the last that fits.
  isUnnamedOutside: true,
  without: { 'an answer past the framework': 'Hono answers with a Response' },
};
