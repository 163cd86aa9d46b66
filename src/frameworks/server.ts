/** Observes every request of every HTTP server in the process, with no change to it. */
import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server } from 'node:net';

import { isLocalVisit } from '../dashboard/index.ts';
import type { PerformanceMiddleware } from '../performance/index.ts';
import { getRecorder } from '../recorder/index.ts';
import { expressRoute } from './express-route.ts';
import { watchFastifyRoutes } from './fastify-route.ts';
import { watchKoaRoutes } from './koa-route.ts';
import { nextRoute } from './next-route.ts';
import { answerAsDashboard, mayOwn } from './node-http.ts';
import { observeRequest, type ObservedRequest } from './observed-request.ts';

type EmitArguments = Parameters<Server['emit']>;

/** Each comes with a request and its response. */
const REQUEST_EVENTS: ReadonlySet<unknown> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
]);

/** In Bun a server of `node:http`, and of `node:https` on it, is none of `node:net`. */
const SERVERS: readonly Server[] =
  HttpServer.prototype instanceof Server
    ? [Server.prototype]
    : [Server.prototype, HttpServer.prototype];

/**
 * Hooks the class that the servers of `node:http`, `node:https` and `node:http2` stand on; once in
 * a process. A server emits `request` before the application hears of it.
 */
export function observeServers(middleware: PerformanceMiddleware): void {
  watchFastifyRoutes();
  watchKoaRoutes();
  const recorder = getRecorder();
  const middlewares = [middleware];

  function isAnsweredHere(request: IncomingMessage, response: ServerResponse): boolean {
    // Whoever may not see the dashboard is the application's to answer, which may have its own.
    return (
      mayOwn(middleware, request) &&
      process.env['NODE_ENV'] !== 'production' &&
      isLocalVisit(request) &&
      answerAsDashboard(middleware, request, response)
    );
  }

  function observe(args: readonly unknown[]): ObservedRequest | 'answered' | undefined {
    try {
      const [, request, response] = args as [unknown, IncomingMessage, ServerResponse];
      if (typeof response?.writeHead !== 'function') return undefined;
      if (isAnsweredHere(request, response)) return 'answered';
      const observed = observeRequest(request, response, middlewares);
      observed.findRouteBy(anyRoute, request);
      return observed;
    } catch (error) {
      recorder.reportFault(error);
      return undefined;
    }
  }

  for (const prototype of SERVERS) {
    const { emit: original } = prototype as { emit: (...args: EmitArguments) => boolean };
    const hook = function emit(this: Server, ...args: EmitArguments): boolean {
      if (!REQUEST_EVENTS.has(args[0])) return original.apply(this, args);
      const observed = observe(args);
      if (observed === undefined) return original.apply(this, args);
      if (observed === 'answered') return true;
      return recorder.runIn(observed.scope, () => original.apply(this, args));
    };
    Object.defineProperties(hook, { length: { value: original.length, configurable: true } });
    Object.defineProperty(prototype, 'emit', {
      configurable: true,
      writable: true,
      enumerable: false,
      value: hook,
    });
  }
}

function anyRoute(request: object): string | undefined {
  return expressRoute(request) ?? nextRoute(request);
}
