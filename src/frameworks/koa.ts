/**
 * {@link performance} for Koa.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { PerformanceMiddleware, PerformanceOptions } from '../performance/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import { koaRoute } from './koa-route.ts';
import { answerAsDashboard, toMiddleware } from './node-http.ts';
import { observeRequest } from './observed-request.ts';

/** What is touched of Koa's context. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  respond?: boolean | undefined;
}

/** Middleware as Koa takes it. */
export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<unknown>;

/**
 * The performance middleware for a Koa application. Use it before everything else.
 *
 * Routes have names where `@koa/router` chooses them.
 *
 * @param optionsOrMiddleware options for a middleware of its own, or one that exists.
 * @throws {OptionError} where an option is unknown or out of its range.
 * @example
 * ```ts
 * import Koa from 'koa';
 * import { performance } from 'hyperdjango/koa';
 *
 * const app = new Koa();
 * app.use(performance({ slowQueryThresholdMs: 100 }));
 * ```
 */
export function performance(
  optionsOrMiddleware: PerformanceOptions | PerformanceMiddleware = {},
): KoaMiddleware {
  const middleware = toMiddleware(optionsOrMiddleware);
  if (isDisabled()) return (_context, next) => next();
  const recorder = getRecorder();
  const middlewares = [middleware];
  return function hyperdjango(context, next) {
    if (answerAsDashboard(middleware, context.req, context.res)) {
      context.respond = false;
      return Promise.resolve();
    }
    const observed = observeRequest(context.req, context.res, middlewares);
    observed.findRouteBy(koaRoute, context);
    return recorder.runIn(observed.scope, next);
  };
}
