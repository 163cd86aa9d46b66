/**
 * {@link performance} for Hono.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Context, MiddlewareHandler, Next } from 'hono';
import { routePath } from 'hono/route';

import { PerformanceMiddleware, type PerformanceOptions } from '../performance/index.ts';
import { formatProfile } from '../profiling/index.ts';
import { getRecorder, isDisabled, type Recorder, type Scope } from '../recorder/index.ts';

/** What `@hono/node-server` hands to the application beside the request. */
interface NodeBindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
}

/**
 * The performance middleware for a Hono application. Use it before the routes.
 *
 * @param optionsOrMiddleware options for a middleware of its own, or one that exists.
 * @throws {OptionError} where an option is unknown or out of its range.
 * @example
 * ```ts
 * import { Hono } from 'hono';
 * import { performance } from 'hyperdjango/hono';
 *
 * const app = new Hono();
 * app.use(performance({ slowQueryThresholdMs: 100 }));
 * ```
 */
export function performance(
  optionsOrMiddleware: PerformanceOptions | PerformanceMiddleware = {},
): MiddlewareHandler {
  const middleware =
    optionsOrMiddleware instanceof PerformanceMiddleware
      ? optionsOrMiddleware
      : new PerformanceMiddleware(optionsOrMiddleware);
  return requestScope([middleware]);
}

/**
 * Opens one scope for each request, lets the middlewares observe it, writes the headers at the
 * last moment, and closes the scope with the response. A request that is in a scope already
 * stays in it.
 *
 * @internal
 */
export function requestScope(
  middlewares: readonly PerformanceMiddleware[],
  isProfiling: () => boolean = () => false,
): MiddlewareHandler {
  if (isDisabled()) return (_, next) => next();
  const recorder = getRecorder();
  return async function observeRequest(c: Context, next: Next): Promise<Response | void> {
    const { incoming, outgoing } = (c.env ?? {}) as NodeBindings;
    for (const { dashboard } of middlewares) {
      if (dashboard.owns(c.req.path)) return dashboard.handle(c.req.raw, incoming?.socket);
    }
    const outer = recorder.currentScope();
    const scope =
      outer?.kind === 'request' && !outer.isClosed
        ? outer
        : recorder.openScope('request', `${c.req.method} ${c.req.path}`);
    for (const middleware of middlewares) middleware.observe(scope);
    if (isProfiling()) scope.profile ??= { handlerNs: 0, isMeasuring: false };
    if (scope !== outer) outgoing?.once('close', () => close(recorder, scope, outgoing));
    try {
      await recorder.runIn(scope, next);
      scope.name = `${c.req.method} ${routePath(c)}`;
      writeHeaders(recorder, c, scope, middlewares);
    } catch (error) {
      if (scope !== outer && outgoing === undefined) {
        recorder.closeScope(scope, { statusCode: 500, isAborted: false });
      }
      throw error;
    }
    // Without a socket, as in `app.fetch(request)`, the response is all there will be.
    if (scope !== outer && outgoing === undefined) {
      recorder.closeScope(scope, { statusCode: c.res.status, isAborted: false });
    }
  };
}

function close(recorder: Recorder, scope: Scope, outgoing: ServerResponse): void {
  recorder.closeScope(scope, {
    statusCode: outgoing.statusCode,
    isAborted: !outgoing.writableFinished,
  });
}

function writeHeaders(
  recorder: Recorder,
  c: Context,
  scope: Scope,
  middlewares: readonly PerformanceMiddleware[],
): void {
  // `c.header` replaces a response whose headers cannot be changed, such as a redirect's.
  const headers = { set: (name: string, value: string) => c.header(name, value) };
  for (const middleware of middlewares) middleware.writeHeaders(scope, headers);
  if (scope.profile !== undefined) {
    headers.set('X-Profile', formatProfile(scope, scope.profile, recorder.engine.nowNs()));
  }
}
