/**
 * {@link performance} for Hono.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Context, MiddlewareHandler, Next } from 'hono';

import type { ClientSocket } from '../dashboard/index.ts';
import type { PerformanceMiddleware, PerformanceOptions } from '../performance/index.ts';
import { getRecorder, isDisabled, type Recorder, type Scope } from '../recorder/index.ts';
import { adapter, stepAside } from '../util/adapter.ts';
import { guarded } from './guarded.ts';
import { HonoName } from './hono-route.ts';
import { toMiddleware } from './node-http.ts';
import type { Observed } from './observed.ts';
import { observeRequest } from './observed-request.ts';
import { requestName, UNKNOWN_ROUTE } from './request-name.ts';
import { writeScopeHeaders } from './response-head.ts';

/** What `@hono/node-server` hands to the application beside the request. */
interface NodeBindings {
  readonly incoming?: IncomingMessage & { readonly upgrade?: unknown };
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
  return requestScope([toMiddleware(optionsOrMiddleware)]);
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
  const recorder = isDisabled() ? undefined : getRecorder();

  function look(c: Context): Observed | Promise<Response> | 'in process' | undefined {
    const { incoming, outgoing } = (c.env ?? {}) as NodeBindings;
    for (const { dashboard } of middlewares) {
      if (dashboard.owns(c.req.path)) {
        const client = incoming?.socket ?? clientOf(c.env, c.req.raw);
        return dashboard.handle(c.req.raw, client);
      }
    }
    // What routes an upgrade through the application has a connection and no response.
    const isUpgrade = incoming?.upgrade === true;
    if (incoming === undefined || (outgoing === undefined && !isUpgrade)) return 'in process';
    // A client may go away before the route has answered.
    const name = new HonoName(c);
    const observed = observeRequest(
      incoming,
      outgoing as ServerResponse,
      middlewares,
      name.expected,
    );
    observed?.nameBy(name);
    if (observed !== undefined && isProfiling())
      observed.scope.profile ??= { handlerNs: 0, isMeasuring: false };
    return observed;
  }

  return adapter('hono', function hyperdjango(c: Context, next: Next): Promise<Response | void> {
    if (typeof next !== 'function' || typeof c.req?.raw?.url !== 'string') {
      // oxlint-disable-next-line prefer-rest-params -- more or fewer than those
      return stepAside('hono', [...(arguments as unknown as unknown[])]) as Promise<void>;
    }
    if (recorder === undefined) return next();
    const looked = guarded(look, c);
    if (looked === undefined) return next();
    if (looked === 'in process') {
      return answerInProcess(recorder, middlewares, isProfiling(), c, next);
    }
    if (looked instanceof Promise) return looked;
    // Hono's `next` gives its context, which is no response for a middleware to return.
    return recorder.runIn(looked.scope, next).then(nothing);
  });
}

function nothing(): void {}

/** What `Bun.serve` and `Deno.serve` hand to the application beside the request. */
interface ServerBindings {
  readonly requestIP?: (request: Request) => { readonly address: string } | null;
  readonly remoteAddr?: { readonly hostname?: string };
}

/**
 * Who sent a request that is none of `node:http`. In Bun and in Deno nothing tells one that came
 * over the network from one of the process itself: it may then be anybody's.
 */
function clientOf(env: unknown, request: Request): ClientSocket {
  const { requestIP, remoteAddr } = (env ?? {}) as ServerBindings;
  if (typeof requestIP === 'function') {
    return { remoteAddress: requestIP.call(env, request)?.address };
  }
  const isServer = process.versions['bun'] !== undefined || process.versions['deno'] !== undefined;
  if (remoteAddr === undefined && !isServer) return undefined;
  return { remoteAddress: remoteAddr?.hostname };
}

/** Tells whoever looks from outside which route a request takes. */
class ScopeName {
  readonly #scope: Scope;
  readonly #name: HonoName;

  constructor(scope: Scope, name: HonoName) {
    this.#scope = scope;
    this.#name = name;
  }

  askForRoute(): void {
    const { current } = this.#name;
    if (current === undefined) return;
    this.#scope.namer = undefined;
    this.#scope.rename(current);
  }
}

/** Without a socket, as in `app.fetch(request)`, the response is all there will be. */
async function answerInProcess(
  recorder: Recorder,
  middlewares: readonly PerformanceMiddleware[],
  isProfiling: boolean,
  c: Context,
  next: Next,
): Promise<void> {
  const outer = recorder.currentScope();
  const isOwn = outer?.carrier !== c;
  const name = guarded((context) => new HonoName(context), c);
  const expected = name?.expected ?? requestName(c.req.method, UNKNOWN_ROUTE);
  const scope = isOwn ? recorder.openScope('request', expected) : outer;
  scope.carrier = c;
  if (isOwn && name !== undefined) scope.namer = new ScopeName(scope, name);
  for (const middleware of middlewares) guarded((one) => one.observe(scope), middleware);
  if (isProfiling) scope.profile ??= { handlerNs: 0, isMeasuring: false };
  let statusCode = 500;
  try {
    await recorder.runIn(scope, next);
    statusCode = c.res.status;
    if (isOwn && name !== undefined) guarded((own) => scope.rename(own.final), name);
    writeHeaders(recorder, scope, middlewares, c);
  } finally {
    if (isOwn) recorder.closeScope(scope, { statusCode, isAborted: false });
  }
}

function writeHeaders(
  recorder: Recorder,
  scope: Scope,
  middlewares: readonly PerformanceMiddleware[],
  c: Context,
): void {
  try {
    // `c.header` replaces a response whose headers cannot be changed, such as a redirect's.
    writeScopeHeaders(recorder, scope, middlewares, {
      set: (name, value) => c.header(name, value),
      append: (name, value) => c.header(name, value, { append: true }),
    });
  } catch (error) {
    // Some responses cannot be made anew, such as one whose body is being read already.
    recorder.reportFault(error);
  }
}
