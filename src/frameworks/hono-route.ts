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

/** What a request is called whose handler has answered. */
export function honoName(c: Context): string {
  const { routeIndex = -1 } = c.req as HonoRequest;
  return nameAt(c, routeIndex);
}

/** The same before: the last route that fits is the one that is to answer. */
export function expectedHonoName(c: Context): string {
  return nameAt(c, -1);
}

function nameAt(c: Context, index: number): string {
  const { matchedRoutes } = c.req as HonoRequest;
  return `${c.req.method} ${matchedRoutes?.at(index)?.path ?? UNKNOWN_ROUTE}`;
}
