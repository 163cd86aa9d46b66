/**
 * {@link performance} for Express 5 and 4.
 *
 * @module
 */
import type { PerformanceMiddleware, PerformanceOptions } from '../performance/index.ts';
import { isDisabled } from '../recorder/index.ts';
import { expressRoute, watchExpressRoutes } from './express-route.ts';
import { nodeMiddleware, type NodeMiddleware, toMiddleware } from './node-http.ts';

/**
 * The performance middleware for an Express application. Use it before everything else.
 *
 * @param optionsOrMiddleware options for a middleware of its own, or one that exists.
 * @throws {OptionError} where an option is unknown or out of its range.
 * @example
 * ```ts
 * import express from 'express';
 * import { performance } from 'hyperdjango/express';
 *
 * const app = express();
 * app.use(performance({ slowQueryThresholdMs: 100 }));
 * ```
 */
export function performance(
  optionsOrMiddleware: PerformanceOptions | PerformanceMiddleware = {},
): NodeMiddleware {
  const middleware = toMiddleware(optionsOrMiddleware);
  if (!isDisabled()) watchExpressRoutes();
  return nodeMiddleware(middleware, expressRoute, 'express');
}
