/**
 * {@link performance} for NestJS, on Express and on Fastify.
 *
 * @module
 */
import type { PerformanceMiddleware, PerformanceOptions } from '../performance/index.ts';
import { isDisabled } from '../recorder/index.ts';
import { expressRoute, watchExpressRoutes } from './express-route.ts';
import { watchFastifyRoutes } from './fastify-route.ts';
import { nodeMiddleware, type NodeMiddleware, toMiddleware } from './node-http.ts';

/**
 * The performance middleware for a NestJS application. Use it in `main.ts`, before `listen`; the
 * middleware of a module works too, and covers what that module is configured for.
 *
 * @param optionsOrMiddleware options for a middleware of its own, or one that exists.
 * @throws {OptionError} where an option is unknown or out of its range.
 * @example
 * ```ts
 * import { performance } from 'hyperdjango/nest';
 *
 * async function bootstrap(app: { use(middleware: unknown): unknown }): Promise<void> {
 *   app.use(performance({ slowQueryThresholdMs: 100 }));
 * }
 * ```
 */
export function performance(
  optionsOrMiddleware: PerformanceOptions | PerformanceMiddleware = {},
): NodeMiddleware {
  const middleware = toMiddleware(optionsOrMiddleware);
  if (!isDisabled()) {
    watchExpressRoutes();
    watchFastifyRoutes();
  }
  return nodeMiddleware(middleware, expressRoute, 'nest');
}
