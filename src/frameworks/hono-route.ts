/**
 * The pattern of the route that a Hono application chose. Read off the request itself: the helpers
 * of `hono/route` know only requests of their own copy of Hono, and an application may bring another.
 */
import type { Context } from 'hono';

import { requestName, UNKNOWN_ROUTE } from './request-name.ts';

interface HonoRequest {
  readonly matchedRoutes?: readonly { readonly path: string }[];
  readonly routeIndex?: number;
}

/** What a request is called: the route that has answered, or is to answer. */
export class HonoName {
  readonly #request: HonoRequest & { readonly method: string };
  /** The application makes the list anew each time that it is asked. */
  readonly #routes: HonoRequest['matchedRoutes'];
  /** Before the handler has answered: the last route that fits is the one that is to. */
  readonly expected: string;

  constructor({ req }: Context) {
    this.#request = req as HonoRequest & Context['req'];
    this.#routes = this.#request.matchedRoutes;
    this.expected = this.#nameAt(-1);
  }

  /** When the handler has answered. */
  get final(): string {
    const { routeIndex = -1 } = this.#request;
    const isExpected = routeIndex === (this.#routes?.length ?? 0) - 1;
    return isExpected ? this.expected : this.#nameAt(routeIndex);
  }

  #nameAt(index: number): string {
    return requestName(this.#request.method, this.#routes?.at(index)?.path ?? UNKNOWN_ROUTE);
  }
}
