/**
 * {@link performance} for Fastify.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { PerformanceMiddleware, PerformanceOptions } from '../performance/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import { adapter, stepAside } from '../util/adapter.ts';
import { guarded } from './guarded.ts';
import { fastifyRoute } from './fastify-route.ts';
import { answerAsDashboard, toMiddleware } from './node-http.ts';
import type { Observed } from './observed.ts';
import { observeRequest } from './observed-request.ts';
import { requestName } from './request-name.ts';

/** What is touched of Fastify's request and reply. */
interface RawRequest {
  readonly raw: IncomingMessage;
}

interface RawReply {
  readonly raw: ServerResponse;
  hijack(): unknown;
}

/** What is touched of a Fastify instance. */
export interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: RawRequest, reply: RawReply, done: () => void) => void,
  ): unknown;
}

/** A Fastify plugin that covers the whole instance that registers it. */
export type FastifyPlugin = (instance: FastifyLike, options: object, done: () => void) => void;

/**
 * The performance middleware as a Fastify plugin. Register it before the routes.
 *
 * @param optionsOrMiddleware options for a middleware of its own, or one that exists.
 * @throws {OptionError} where an option is unknown or out of its range.
 * @example
 * ```ts
 * import fastify from 'fastify';
 * import { performance } from 'hyperdjango/fastify';
 *
 * const app = fastify();
 * app.register(performance({ slowQueryThresholdMs: 100 }));
 * app.get('/hello', async () => 'hello');
 * const response = await app.inject('/hello');
 * response.headers['x-query-count']; // '0'
 * ```
 */
export function performance(
  optionsOrMiddleware: PerformanceOptions | PerformanceMiddleware = {},
): FastifyPlugin {
  const middleware = toMiddleware(optionsOrMiddleware);
  const plugin: FastifyPlugin = (instance, options, done) => {
    if (typeof instance?.addHook !== 'function') {
      stepAside('fastify', [instance, options, done]);
      return;
    }
    if (!isDisabled()) addHook(instance, middleware);
    done();
  };
  return Object.assign(adapter('fastify', plugin), {
    // Without it the hook would cover this plugin's own routes, of which it has none.
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'hyperdjango',
  });
}

function addHook(instance: FastifyLike, middleware: PerformanceMiddleware): void {
  const recorder = getRecorder();
  const middlewares = [middleware];
  instance.addHook('onRequest', (request, reply, done) => {
    const observed = guarded(look, request, reply);
    if (observed === undefined) done();
    else if (observed !== 'answered') recorder.runIn(observed.scope, done);
  });

  function look(request: RawRequest, reply: RawReply): Observed | 'answered' | undefined {
    if (answerAsDashboard(middleware, request.raw, reply.raw)) {
      reply.hijack();
      return 'answered';
    }
    // Fastify has chosen it before anything else.
    const route = fastifyRoute(request);
    const name = route === undefined ? undefined : requestName(request.raw.method, route);
    const observed = observeRequest(request.raw, reply.raw, middlewares, name);
    if (route !== undefined) observed?.chooseRoute(route);
    return observed;
  }
}
