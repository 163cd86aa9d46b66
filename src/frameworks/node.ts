/**
 * {@link performance} for plain `node:http`, and for whatever else takes middleware of the form
 * `(request, response, next)`.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http';

import type { PerformanceMiddleware, PerformanceOptions } from '../performance/index.ts';
import { nameRouteOf } from './observed-request.ts';
import { nodeMiddleware, type NodeMiddleware, toMiddleware } from './node-http.ts';

export type { NodeMiddleware } from './node-http.ts';

/**
 * The performance middleware for `node:http`: it runs `next` in the scope of the request.
 *
 * @param optionsOrMiddleware options for a middleware of its own, or one that exists.
 * @throws {OptionError} where an option is unknown or out of its range.
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { performance, setRoute } from 'hyperdjango/node';
 *
 * const observe = performance({ slowQueryThresholdMs: 100 });
 * createServer((request, response) => {
 *   observe(request, response, () => {
 *     setRoute(request, '/hello');
 *     response.end('hello');
 *   });
 * });
 * ```
 */
export function performance(
  optionsOrMiddleware: PerformanceOptions | PerformanceMiddleware = {},
): NodeMiddleware {
  return nodeMiddleware(toMiddleware(optionsOrMiddleware), undefined);
}

/**
 * Names the route of a request where no framework does: without it, all requests are
 * `GET (unknown route)`. Does nothing where the request is not observed.
 *
 * @param pattern such as `/users/:id`: never a path with values in it.
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { setRoute } from 'hyperdjango/node';
 *
 * createServer((request, response) => {
 *   setRoute(request, '/users/:id');
 *   response.end();
 * });
 * ```
 */
export function setRoute(request: IncomingMessage, pattern: string): void {
  nameRouteOf(request, String(pattern));
}
