/** Observes every request of every HTTP server in the process, with no change to it. */
import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { Server } from 'node:net';
import type { Duplex } from 'node:stream';

import { isLocalVisit } from '../dashboard/index.ts';
import type { PerformanceMiddleware } from '../performance/index.ts';
import { getRecorder } from '../recorder/index.ts';
import { expressRoute, watchExpressRoutes } from './express-route.ts';
import { watchFastifyRoutes } from './fastify-route.ts';
import { hookSessions, observeStream } from './http2-streams.ts';
import { watchKoaRoutes } from './koa-route.ts';
import { nextRoute } from './next-route.ts';
import { answerAsDashboard, mayOwn } from './node-http.ts';
import type { Observed } from './observed.ts';
import { observedOf, observeRequest } from './observed-request.ts';
import { observeUpgrade } from './upgrades.ts';

type EmitArguments = Parameters<Server['emit']>;

/** In Bun a server of `node:http`, and of `node:https` on it, is none of `node:net`. */
const SERVERS: readonly Server[] =
  HttpServer.prototype instanceof Server
    ? [Server.prototype]
    : [Server.prototype, HttpServer.prototype];

/**
 * Hooks the class that the servers of `node:http`, `node:https` and `node:http2` stand on; once in
 * a process. A server emits what comes before the application hears of it.
 */
export function observeServers(middleware: PerformanceMiddleware): void {
  watchExpressRoutes();
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

  function toRequest(request: IncomingMessage, response: ServerResponse): Told | undefined {
    if (isAnsweredHere(request, response)) return 'answered';
    const { stream } = request as { stream?: object };
    const below = request.httpVersionMajor === 2 && stream !== undefined && observedOf(stream);
    const scope = below === false ? undefined : below?.scope;
    const observed = observeRequest(request, response, middlewares, undefined, scope);
    observed?.findRouteBy(anyRoute, request);
    return observed;
  }

  function toUpgrade(request: IncomingMessage, socket: Duplex): Told {
    const observed = observeUpgrade(request, socket, undefined);
    observed.join(middleware);
    return observed;
  }

  function toStream(args: readonly unknown[]): Told {
    const [, stream, headers = {}, , rawHeaders] = args as StreamArguments;
    if (observedOf(stream) === undefined && isAnsweredOn(stream, headers, rawHeaders)) {
      return 'answered';
    }
    const observed = observeStream(stream, headers);
    observed.join(middleware);
    return observed;
  }

  function isAnsweredOn(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: string[],
  ): boolean {
    const url = headers[':path'];
    const socket = stream.session?.socket;
    const isVisit =
      url !== undefined &&
      mayOwn(middleware, { url }) &&
      process.env['NODE_ENV'] !== 'production' &&
      isLocalVisit({ url, headers, method: headers[':method'], socket } as never);
    // Those of Node listen to the stream, which is then nobody else's.
    if (!isVisit) return false;
    const http2 = process.getBuiltinModule('node:http2');
    const request = new http2.Http2ServerRequest(stream, headers, {}, rawHeaders);
    return isAnsweredHere(request as never, new http2.Http2ServerResponse(stream) as never);
  }

  /** What an event tells of; undefined where it is none of ours. */
  function observe(server: Server, args: readonly unknown[]): Told | undefined {
    const [event, first, second] = args;
    switch (event) {
      case 'request':
      case 'checkContinue':
      case 'checkExpectation':
        if (typeof (second as Partial<ServerResponse>)?.writeHead !== 'function') return undefined;
        return toRequest(first as IncomingMessage, second as ServerResponse);
      case 'upgrade':
      case 'connect':
        // HTTP/2 tells of a CONNECT with a response, and of its stream before.
        if (typeof (second as Partial<Duplex>)?._write !== 'function') return undefined;
        return toUpgrade(first as IncomingMessage, second as Duplex);
      case 'stream':
        return isForRequests(server, args) ? undefined : toStream(args);
      case 'session':
        hookSessions(first as ServerHttp2Session, (told, answer) =>
          run(guarded(toStream, told), answer),
        );
        return undefined;
      default:
        return undefined;
    }
  }

  function guarded<A extends unknown[]>(
    look: (...args: A) => Told | undefined,
    ...args: A
  ): Told | undefined {
    try {
      return look(...args);
    } catch (error) {
      recorder.reportFault(error);
      return undefined;
    }
  }

  function run(told: Told | undefined, answer: () => boolean): boolean {
    if (told === undefined) return answer();
    return told === 'answered' ? true : recorder.runIn(told.scope, answer);
  }

  for (const prototype of SERVERS) {
    const { emit: original } = prototype as { emit: (...args: EmitArguments) => boolean };
    const hook = function emit(this: Server, ...args: EmitArguments): boolean {
      if (!EVENTS.has(args[0])) return original.apply(this, args);
      return run(guarded(observe, this, args), () => original.apply(this, args));
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

type Told = Observed | 'answered';

type StreamArguments = [
  unknown,
  ServerHttp2Stream,
  IncomingHttpHeaders | undefined,
  unknown,
  string[],
];

const EVENTS: ReadonlySet<unknown> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
  'upgrade',
  'connect',
  'session',
  'stream',
]);

/** Whether the only one to hear of a stream is Node, which makes a request and a response of it. */
function isForRequests(server: Server, [, , headers]: readonly unknown[]): boolean {
  if ((headers as IncomingHttpHeaders | undefined)?.[':method'] === 'CONNECT') return false;
  return server.listenerCount('request') > 0 && server.listenerCount('stream') < 2;
}

function anyRoute(request: object): string | undefined {
  return expressRoute(request) ?? nextRoute(request);
}
