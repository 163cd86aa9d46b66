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
 * last moment, and closes the scope with the response. A request that is in a scope of its own
 * already stays in it; one that a handler sends through `app.fetch` gets another.
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
    const carrier = incoming ?? c;
    const outer = recorder.currentScope();
    const isOwn = outer?.carrier !== carrier;
    // A client may go away before the route has answered: until then it is the last one that fits.
    const scope = isOwn
      ? recorder.openScope('request', `${c.req.method} ${routePath(c, -1)}`)
      : outer;
    scope.carrier = carrier;
    for (const middleware of middlewares) middleware.observe(scope);
    if (isProfiling()) scope.profile ??= { handlerNs: 0, isMeasuring: false };
    if (isOwn) closeWithResponse(recorder, scope, incoming, outgoing);
    let statusCode = 500;
    try {
      await recorder.runIn(scope, next);
      statusCode = c.res.status;
      if (isOwn) scope.name = `${c.req.method} ${routePath(c)}`;
      writeHeaders(recorder, scope, middlewares, headersOf(c, outgoing));
    } finally {
      // Without a socket, as in `app.fetch(request)`, the response is all there will be.
      if (isOwn && outgoing === undefined) {
        recorder.closeScope(scope, { statusCode, isAborted: false });
      }
    }
  };
}

function closeWithResponse(
  recorder: Recorder,
  scope: Scope,
  incoming: IncomingMessage | undefined,
  outgoing: ServerResponse | undefined,
): void {
  if (outgoing === undefined) return;
  // An earlier middleware may have waited for longer than the client.
  if (outgoing.closed) return close(recorder, scope, outgoing);
  outgoing.once('close', () => close(recorder, scope, outgoing));
  // Node never closes a pipelined response whose turn had not come when the connection was lost.
  incoming?.once('close', () => {
    if (incoming.errored !== null) close(recorder, scope, outgoing);
  });
}

function close(recorder: Recorder, scope: Scope, outgoing: ServerResponse): void {
  recorder.closeScope(scope, {
    statusCode: outgoing.statusCode,
    isAborted: !outgoing.writableFinished,
  });
}

interface HeaderTarget {
  set(name: string, value: string): void;
}

/**
 * On a socket the headers go straight to Node's response, which joins them with Hono's: changing
 * those would make Hono and its server build the response anew. Without one, `c.header` replaces
 * a response whose headers cannot be changed, such as a redirect's.
 */
function headersOf(c: Context, outgoing: ServerResponse | undefined): HeaderTarget {
  if (outgoing === undefined) return { set: (name, value) => c.header(name, value) };
  return {
    set(name, value) {
      if (!outgoing.headersSent) outgoing.setHeader(name, value);
    },
  };
}

function writeHeaders(
  recorder: Recorder,
  scope: Scope,
  middlewares: readonly PerformanceMiddleware[],
  headers: HeaderTarget,
): void {
  try {
    for (const middleware of middlewares) middleware.writeHeaders(scope, headers);
    if (scope.profile !== undefined) {
      headers.set('X-Profile', formatProfile(scope, scope.profile, recorder.engine.nowNs()));
    }
  } catch (error) {
    // Some responses cannot be made anew, such as one whose body is being read already.
    recorder.reportFault(error);
  }
}
