/** What every adapter on `node:http` is made of. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { serveDashboard } from '../dashboard/index.ts';
import { OptionError } from '../errors/index.ts';
import { PerformanceMiddleware, type PerformanceOptions } from '../performance/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import {
  adapter,
  describeAdapter,
  kindOf,
  passOn,
  stepAside,
  type AdapterKind,
} from '../util/adapter.ts';
import { guarded } from './guarded.ts';
import type { Observed } from './observed.ts';
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
  if (optionsOrMiddleware instanceof PerformanceMiddleware) return optionsOrMiddleware;
  const kind = kindOf(optionsOrMiddleware);
  if (kind !== undefined) {
    const expected = 'options or a PerformanceMiddleware';
    throw new OptionError('performance()', expected, describeAdapter(kind));
  }
  return new PerformanceMiddleware(optionsOrMiddleware);
}

/** As Express and Connect extend it; they cut the mount path off `url`. */
type MountedMessage = IncomingMessage & { readonly originalUrl?: string };

/** Whether a request could be for the dashboard: a look that costs next to nothing. */
export function mayOwn(
  { options: { dashboardPath } }: PerformanceMiddleware,
  request: Pick<MountedMessage, 'originalUrl' | 'url'>,
): boolean {
  const target: unknown = request.originalUrl ?? request.url;
  // A stub's may be anything.
  if (dashboardPath === false || typeof target !== 'string') return false;
  return !target.startsWith('/') || target.startsWith(dashboardPath);
}

/** @returns whether the request was the dashboard's, and is being answered. */
export function answerAsDashboard(
  middleware: PerformanceMiddleware,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  return (
    mayOwn(middleware, request) &&
    typeof response.writeHead === 'function' &&
    serveDashboard(middleware.dashboard, request, response)
  );
}

export function nodeMiddleware(
  middleware: PerformanceMiddleware,
  findRoute: RouteFinder | undefined,
  kind: AdapterKind = 'node',
): NodeMiddleware {
  const isOff = isDisabled();
  const recorder = isOff ? undefined : getRecorder();
  const middlewares = [middleware];

  function look(
    request: IncomingMessage,
    response: ServerResponse,
  ): Observed | 'answered' | undefined {
    if (answerAsDashboard(middleware, request, response)) return 'answered';
    const observed = observeRequest(request, response, middlewares);
    if (findRoute !== undefined) observed?.findRouteBy(findRoute, request);
    return observed;
  }

  return adapter(kind, function hyperdjango(request, response, next) {
    if (typeof next !== 'function') {
      // oxlint-disable-next-line prefer-rest-params -- more or fewer than those
      return stepAside(kind, [...(arguments as unknown as unknown[])]) as void;
    }
    if (recorder === undefined) return passOn(kind, [request, response, next]);
    const observed = guarded(look, request, response);
    if (observed === undefined) return passOn(kind, [request, response, next]);
    if (observed !== 'answered') recorder.runIn(observed.scope, next);
  } satisfies NodeMiddleware);
}
