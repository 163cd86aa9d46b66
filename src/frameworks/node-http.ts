/** What every adapter on `node:http` is made of. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { serveDashboard } from '../dashboard/index.ts';
import { PerformanceMiddleware, type PerformanceOptions } from '../performance/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import { observeRequest, type RouteFinder } from './observed-request.ts';

/** Middleware as Express, Connect and NestJS take it, and plain `node:http` can call. */
export type NodeMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
) => void;

/** @throws {OptionError} where an option is unknown or out of its range. */
export function toMiddleware(
  optionsOrMiddleware: PerformanceOptions | PerformanceMiddleware,
): PerformanceMiddleware {
  return optionsOrMiddleware instanceof PerformanceMiddleware
    ? optionsOrMiddleware
    : new PerformanceMiddleware(optionsOrMiddleware);
}

/** As Express and Connect extend it; they cut the mount path off `url`. */
type MountedMessage = IncomingMessage & { readonly originalUrl?: string };

/** Whether a request could be for the dashboard: a look that costs next to nothing. */
export function mayOwn({ options }: PerformanceMiddleware, request: MountedMessage): boolean {
  const target = request.originalUrl ?? request.url ?? '/';
  const { dashboardPath } = options;
  if (dashboardPath === false) return false;
  return !target.startsWith('/') || target.startsWith(dashboardPath);
}

/** @returns whether the request was the dashboard's, and is being answered. */
export function answerAsDashboard(
  middleware: PerformanceMiddleware,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  return mayOwn(middleware, request) && serveDashboard(middleware.dashboard, request, response);
}

export function nodeMiddleware(
  middleware: PerformanceMiddleware,
  findRoute: RouteFinder | undefined,
): NodeMiddleware {
  if (isDisabled()) return (_request, _response, next) => next();
  const recorder = getRecorder();
  const middlewares = [middleware];
  return function hyperdjango(request, response, next) {
    if (answerAsDashboard(middleware, request, response)) return;
    const observed = observeRequest(request, response, middlewares);
    if (findRoute !== undefined) observed.findRouteBy(findRoute, request);
    recorder.runIn(observed.scope, next);
  };
}
