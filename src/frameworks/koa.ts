/**
 * {@link performance} for Koa.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { PerformanceMiddleware, PerformanceOptions } from '../performance/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import { adapter, stepAside } from '../util/adapter.ts';
import { guarded } from './guarded.ts';
import { koaRoute, watchRouters } from './koa-route.ts';
import { answerAsDashboard, toMiddleware } from './node-http.ts';
import type { Observed } from './observed.ts';
import { observeRequest } from './observed-request.ts';

/** What is touched of Koa's context. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly app: object;
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
  const recorder = isDisabled() ? undefined : getRecorder();
  const middlewares = [middleware];

  function look(context: KoaContext): Observed | 'answered' | undefined {
    if (answerAsDashboard(middleware, context.req, context.res)) {
      context.respond = false;
      return 'answered';
    }
    watchRouters(context.app);
    const observed = observeRequest(context.req, context.res, middlewares);
    observed?.findRouteBy(koaRoute, context);
    return observed;
  }

  return adapter('koa', function hyperdjango(context, next) {
    if (typeof next !== 'function' || context?.app === undefined) {
      // oxlint-disable-next-line prefer-rest-params -- more or fewer than those
      return stepAside('koa', [...(arguments as unknown as unknown[])]) as Promise<unknown>;
    }
    if (recorder === undefined) return next();
    const observed = guarded(look, context);
    if (observed === 'answered') return Promise.resolve();
    return observed === undefined ? next() : recorder.runIn(observed.scope, next);
  } satisfies KoaMiddleware);
}
