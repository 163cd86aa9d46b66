/**
 * The pattern of the route that a Hono application chose. Read off the request itself: the helpers
 * of `hono/route` know only requests of their own copy of Hono, and an application may bring another.
 */
import type { Context } from 'hono';

import type { RunningName } from './observed.ts';
import { requestName, UNKNOWN_ROUTE } from './request-name.ts';

interface HonoRoute {
  readonly path: string;
  /** `ALL` for middleware, and for what `app.all()` was given. */
  readonly method?: string;
  readonly handler?: Composed;
}

interface HonoRequest {
  readonly matchedRoutes?: readonly HonoRoute[];
  /** Of the one that runs. */
  readonly routeIndex?: number;
}

/** A handler of an application that was put into another, which answers its errors itself. */
interface Composed {
  (...args: never[]): unknown;
  readonly __COMPOSED_HANDLER?: Composed;
}

/** What a request is called: the route that has answered, or is to answer. */
export class HonoName implements RunningName {
  readonly #request: HonoRequest & { readonly method: string };
  /** The application makes the list anew each time that it is asked. */
  readonly #routes: readonly HonoRoute[];
  /** Before a handler runs: the first that fits, as those before it only pass the request on. */
  readonly expected: string;

  constructor({ req }: Context) {
    this.#request = req as HonoRequest & Context['req'];
    this.#routes = this.#request.matchedRoutes ?? [];
    this.expected = this.#nameOf(this.#routes.find(isHandler));
  }

  /** When its turn has come, which is known without a look at what fits. */
  get current(): string | undefined {
    const route = this.#running;
    return route !== undefined && isHandler(route) ? this.#nameOf(route) : undefined;
  }

  /** A middleware that answers itself has no route, nor has what nothing fits. */
  get final(): string {
    return this.current ?? this.#nameOf(undefined);
  }

  get #running(): HonoRoute | undefined {
    return this.#routes[this.#request.routeIndex ?? -1];
  }

  #nameOf(route: HonoRoute | undefined): string {
    return requestName(this.#request.method, route?.path ?? UNKNOWN_ROUTE);
  }
}

/** Middleware takes `next`, and stands at all methods. */
function isHandler({ method, handler }: HonoRoute): boolean {
  if (method !== 'ALL' || handler === undefined) return true;
  let inner = handler;
  while (inner.__COMPOSED_HANDLER !== undefined) inner = inner.__COMPOSED_HANDLER;
  return inner.length < 2;
}
