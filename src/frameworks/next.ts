/**
 * {@link performance} for the route handlers of Next.js (Node.js runtime).
 *
 * @module
 */
import type { PerformanceMiddleware, PerformanceOptions } from '../performance/index.ts';
import { getRecorder, isDisabled, type Recorder, type Scope } from '../recorder/index.ts';
import { adapter, stepAside } from '../util/adapter.ts';
import { guarded } from './guarded.ts';
import { toMiddleware } from './node-http.ts';
import { requestName, UNKNOWN_ROUTE } from './request-name.ts';
import { writeScopeHeaders } from './response-head.ts';
import { namedPath } from './route-values.ts';

/** What Next.js gives to a route handler beside the request. */
export interface NextRouteContext {
  readonly params?: unknown;
}

/** A route handler, such as `GET` in `app/users/[id]/route.ts`. */
export type NextRouteHandler<R extends Request, C> = (
  request: R,
  context: C,
) => Response | Promise<Response>;

/** Wraps route handlers; what {@link performance} gives. */
export interface NextPerformance {
  /**
   * @param route the pattern; without it, it is put together from the path and the parameters.
   * @returns a handler that answers as the given one does, with headers added.
   */
  <R extends Request, C extends NextRouteContext>(
    handler: NextRouteHandler<R, C>,
    route?: string,
  ): (request: R, context: C) => Promise<Response>;
  /**
   * A route handler that shows the dashboard, for `app/debug/performance/[[...path]]/route.ts`.
   * Next.js does not tell where a request came from: it needs the option `authorize`.
   */
  dashboard(request: Request): Promise<Response>;
}

/**
 * Observes the route handlers of a Next.js application.
 *
 * @param optionsOrMiddleware options for a middleware of its own, or one that exists.
 * @throws {OptionError} where an option is unknown or out of its range.
 * @example
 * ```ts
 * import { performance } from 'hyperdjango/next';
 *
 * const observe = performance({ slowQueryThresholdMs: 100 });
 * export const GET = observe(async () => Response.json({ hello: 'world' }));
 *
 * const response = await GET(new Request('http://localhost/hello'), {});
 * response.headers.get('X-Query-Count'); // '0'
 * ```
 */
export function performance(
  optionsOrMiddleware: PerformanceOptions | PerformanceMiddleware = {},
): NextPerformance {
  const middleware = toMiddleware(optionsOrMiddleware);
  function observe<R extends Request, C extends NextRouteContext>(
    handler: NextRouteHandler<R, C>,
    route?: string,
  ): (request: R, context: C) => Promise<Response> {
    if (typeof handler !== 'function') {
      // oxlint-disable-next-line prefer-rest-params -- more or fewer than those
      return stepAside('next', [...(arguments as unknown as unknown[])]) as never;
    }
    return async function hyperdjango(request, context) {
      if (isDisabled()) return handler(request, context);
      return answer(middleware, request, {
        route: () => route ?? routeOf(request, context),
        handle: () => handler(request, context),
      });
    };
  }
  return Object.assign(adapter('next', observe), {
    async dashboard(request: Request): Promise<Response> {
      // A socket without an address is nobody's: only `authorize` lets anyone in.
      const response = await middleware.dashboard.handle(request, {});
      return response ?? new Response('Not Found\n', { status: 404 });
    },
  });
}

async function routeOf(request: Request, context: NextRouteContext | undefined): Promise<string> {
  try {
    const params = (await context?.params) as Record<string, unknown> | undefined;
    const nameOf = (key: string, isList: boolean): string => (isList ? `[...${key}]` : `[${key}]`);
    return namedPath(new URL(request.url).pathname, params ?? {}, nameOf);
  } catch {
    return UNKNOWN_ROUTE;
  }
}

interface Answering {
  /** Parameters have to be awaited. */
  readonly route: () => string | Promise<string>;
  readonly handle: () => Response | Promise<Response>;
}

/** In the scope of the server's request where that is observed, otherwise in one of its own. */
async function answer(
  middleware: PerformanceMiddleware,
  { method }: Request,
  { route, handle }: Answering,
): Promise<Response> {
  const recorder = getRecorder();
  const outer = recorder.currentScope();
  const isOwn = outer?.kind !== 'request' || outer.isClosed;
  const scope = isOwn ? recorder.openScope('request', requestName(method, UNKNOWN_ROUTE)) : outer;
  guarded(() => middleware.observe(scope));
  const named = nameSoon(recorder, scope, method, route).catch((error: unknown) =>
    recorder.reportFault(error),
  );
  let statusCode = 500;
  try {
    const response = await recorder.runIn(scope, handle);
    statusCode = response.status;
    return withHeaders(recorder, middleware, scope, response);
  } finally {
    await named;
    if (isOwn) recorder.closeScope(scope, { statusCode, isAborted: false });
  }
}

/** The handler does not wait for it: it has to be given the parameters as they came. */
async function nameSoon(
  recorder: Recorder,
  scope: Scope,
  method: string,
  route: Answering['route'],
): Promise<void> {
  // Next.js itself may have told it.
  scope.namer?.askForRoute();
  recorder.nameInFlight(scope);
  const pattern = route();
  scope.rename(requestName(method, typeof pattern === 'string' ? pattern : await pattern));
  recorder.nameInFlight(scope);
}

function withHeaders(
  recorder: Recorder,
  middleware: PerformanceMiddleware,
  scope: Scope,
  response: Response,
): Response {
  try {
    writeScopeHeaders(recorder, scope, [middleware], response.headers);
    return response;
  } catch {
    // The headers of a redirect, or of a response from `fetch`, cannot be changed.
  }
  try {
    const { status, statusText, body } = response;
    const copy = new Response(body, { status, statusText, headers: new Headers(response.headers) });
    writeScopeHeaders(recorder, scope, [middleware], copy.headers);
    return copy;
  } catch (error) {
    recorder.reportFault(error);
    return response;
  }
}
