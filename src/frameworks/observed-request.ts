/**
 * One request on `node:http`, from its first sight to the close of its response.
 *
 * Nothing is added to the application's objects: no property, no listener. What has to be known
 * is seen where their classes write a head and emit events (`message-hooks.ts`), and kept beside.
 */
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

import type { PerformanceMiddleware } from '../performance/index.ts';
import { getRecorder, type Recorder, type Scope } from '../recorder/index.ts';
import { observeMessages, observerOf } from './message-hooks.ts';
import { requestName, UNKNOWN_ROUTE } from './request-name.ts';
import { type HeadArguments, headOf, writeScopeHeaders } from './response-head.ts';

/** Says the pattern of a request's route once the framework knows it. */
export type RouteFinder = (source: object) => string | undefined;

type Emit = EventEmitter['emit'];

const NO_MIDDLEWARES: readonly PerformanceMiddleware[] = [];

export class ObservedRequest {
  readonly scope: Scope;
  readonly #recorder: Recorder;
  readonly #request: IncomingMessage;
  readonly response: ServerResponse;
  #middlewares: readonly PerformanceMiddleware[] = NO_MIDDLEWARES;
  #findRoute: RouteFinder | undefined;
  #routeSource: object;
  #isNamed = false;
  #finalName: { readonly final: string } | undefined;
  #isFinished = false;

  /** @param name where it is known from the start. */
  constructor(
    recorder: Recorder,
    request: IncomingMessage,
    response: ServerResponse,
    name: string | undefined,
  ) {
    this.#recorder = recorder;
    this.#request = request;
    this.response = response;
    this.#routeSource = request;
    this.scope = recorder.openScope('request', name ?? requestName(request.method, UNKNOWN_ROUTE));
  }

  /** The middleware counts the request, once however often it is told. */
  join(middleware: PerformanceMiddleware): void {
    const before = this.#middlewares;
    if (before.includes(middleware)) return;
    this.#middlewares = before.length === 0 ? [middleware] : [...before, middleware];
    middleware.observe(this.scope);
  }

  /** Asks when the head goes out, and at the end where nothing was known before. */
  findRouteBy(findRoute: RouteFinder, source: object): void {
    this.#findRoute = findRoute;
    this.#routeSource = source;
    // A query tells whoever looks from outside which route the request has taken.
    this.scope.namer = this;
  }

  /** @param route a pattern such as `/users/:id`. */
  nameRoute(route: string): void {
    this.#isNamed = true;
    this.scope.namer = undefined;
    this.scope.rename(requestName(this.#request.method, route));
  }

  /** Asks once, when all is over; where several layers know a name, the outermost is right. */
  nameAtEndBy(name: { readonly final: string }): void {
    this.#finalName ??= name;
  }

  /** Called in place of the response's `writeHead`, just before it. */
  beforeHead(args: HeadArguments): HeadArguments {
    // A second head is the application's error, and its own to throw.
    if (this.response.headersSent) return args;
    try {
      this.askForRoute();
      const head = headOf(this.response, args);
      writeScopeHeaders(this.#recorder, this.scope, this.#middlewares, head);
      return head.arguments();
    } catch (error) {
      this.#recorder.reportFault(error);
      return args;
    }
  }

  note(target: EventEmitter, event: 'close' | 'finish'): void {
    if (target === this.response) {
      if (event === 'finish') this.#isFinished = true;
      else this.end();
    } else if (event === 'close' && this.#request.errored !== null) {
      // Node never closes a pipelined response whose turn had not come when the connection was
      // lost; its request it does.
      this.end();
    }
  }

  emit(target: EventEmitter, emit: Emit, args: Parameters<Emit>): boolean {
    // Parsers and sockets emit in a context of their own.
    return this.#recorder.runIn(this.scope, emitInside, target, emit, args);
  }

  end(): void {
    if (this.scope.isClosed) return;
    this.#nameFinally();
    this.#recorder.closeScope(this.scope, {
      statusCode: this.response.statusCode,
      // Test tools that have no socket only say that they have finished.
      isAborted: !this.#isFinished && !this.response.writableFinished,
    });
  }

  #nameFinally(): void {
    if (this.#finalName === undefined) return this.askForRoute();
    try {
      this.scope.rename(this.#finalName.final);
    } catch (error) {
      this.#recorder.reportFault(error);
    }
  }

  /** Until the framework has an answer, or a fault shows that it will have none. Never throws. */
  askForRoute(): void {
    if (this.#isNamed) return;
    try {
      const route = this.#findRoute?.(this.#routeSource);
      if (route !== undefined) this.nameRoute(route);
    } catch (error) {
      this.#findRoute = undefined;
      this.scope.namer = undefined;
      this.#recorder.reportFault(error);
    }
  }
}

function emitInside(target: EventEmitter, emit: Emit, args: Parameters<Emit>): boolean {
  if (args[0] === 'pipe') startInside(args[1] as Readable);
  return emit.apply(target, args);
}

/**
 * A body that is generated while it is sent is generated in the context of its first read; a
 * framework may pipe it where the request's is gone. `pipe` has told this event, and lets the
 * stream be read in the next tick: then the first read is done.
 */
function startInside(body: Readable): void {
  const isStarting = body.readableFlowing === true && !body.readableDidRead;
  if (isStarting && typeof body.read === 'function') body.read(0);
}

/**
 * Opens the scope of a request, or joins the one that another layer has opened.
 */
export function observeRequest(
  request: IncomingMessage,
  response: ServerResponse,
  middlewares: readonly PerformanceMiddleware[],
  name?: string,
): ObservedRequest {
  let observed = observerOf(request) as ObservedRequest | undefined;
  if (observed === undefined) {
    observed = new ObservedRequest(getRecorder(), request, response, name);
    observeMessages(request, response, observed);
  } else if (name !== undefined) {
    observed.scope.rename(name);
  }
  for (const middleware of middlewares) observed.join(middleware);
  // An earlier middleware may have waited for longer than the client.
  if (response.closed) observed.end();
  return observed;
}

/** Does nothing where the request is not observed. */
export function nameRouteOf(request: object, route: string): void {
  (observerOf(request) as ObservedRequest | undefined)?.nameRoute(route);
}

/** The same, for what knows the route later. */
export function findRouteOf(request: object, findRoute: RouteFinder, source: object): void {
  (observerOf(request) as ObservedRequest | undefined)?.findRouteBy(findRoute, source);
}
