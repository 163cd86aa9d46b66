/**
 * The pattern of the route that a Hono application chose. Read off the request itself: the helpers
 * of `hono/route` know only requests of their own copy of Hono, and an application may bring another.
 */
import type { Context } from 'hono';

import { UNKNOWN_ROUTE } from './observed-request.ts';

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
    return nameOf(this.#request.method, this.#routes?.at(index)?.path ?? UNKNOWN_ROUTE);
  }
}

/** Names by method and path, which are few: to put one together costs more than to find it. */
const names = new Map<string, Map<string, string>>();
const METHODS_MAX = 16;
const PATHS_MAX = 1_024;

function nameOf(method: string, path: string): string {
  let ofMethod = names.get(method);
  if (ofMethod === undefined) {
    // A client may send any method.
    if (names.size === METHODS_MAX) names.clear();
    names.set(method, (ofMethod = new Map()));
  }
  let name = ofMethod.get(path);
  if (name === undefined) {
    if (ofMethod.size === PATHS_MAX) ofMethod.clear();
    ofMethod.set(path, (name = `${method} ${path}`));
  }
  return name;
}
