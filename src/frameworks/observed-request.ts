/**
 * One request on `node:http`, from its first sight to the close of its response.
 *
 * Nothing is added to the application's objects: no property, no listener. What has to be known
 * is seen where their classes write a head and emit events (`message-hooks.ts`), and kept beside.
 */
import { EventEmitter } from 'node:events';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';

import type { PerformanceMiddleware } from '../performance/index.ts';
import type { Scope } from '../recorder/index.ts';
import { hookMessages, observeMessages, observerOf, putObserver } from './message-hooks.ts';
import { Observed, type RouteFinder } from './observed.ts';
import { type HeadArguments, headOf, writeScopeHeaders } from './response-head.ts';
import { observeUpgrade } from './upgrades.ts';

export type { RouteFinder } from './observed.ts';

export class ObservedRequest extends Observed {
  readonly #request: IncomingMessage;
  readonly response: ServerResponse;
  #isFinished = false;

  /**
   * @param name where it is known from the start.
   * @param scope where another layer has opened it.
   */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    name: string | undefined,
    scope: Scope | undefined,
  ) {
    super(request.method, name, scope);
    this.#request = request;
    this.response = response;
  }

  /** Called in place of the response's `writeHead`, just before it. */
  beforeHead(args: HeadArguments): HeadArguments {
    // A second head is the application's error, and its own to throw.
    if (this.response.headersSent) return args;
    try {
      this.askForRoute();
      const head = headOf(this.response, args);
      writeScopeHeaders(this.recorder, this.scope, this.middlewares, head);
      return head.arguments();
    } catch (error) {
      this.recorder.reportFault(error);
      return args;
    }
  }

  note(target: EventEmitter, event: 'close' | 'finish'): void {
    if (target === this.response) {
      if (event === 'close') this.end();
      else {
        this.#isFinished = true;
        if (!isClosedByServer(this.response)) this.end();
      }
    } else if (event === 'close' && this.#request.errored !== null) {
      // Node never closes a pipelined response whose turn had not come when the connection was
      // lost; its request it does.
      this.end();
    }
  }

  end(): void {
    if (this.scope.isClosed) return;
    const { response } = this;
    this.close(
      response.statusCode,
      this.#request.httpVersionMajor === 2
        ? wasReset((response as unknown as { stream?: ServerHttp2Stream }).stream)
        : // Test tools that have no socket only say that they have finished.
          !this.#isFinished && !response.writableFinished,
    );
  }
}

/** HTTP/2's responses and streams say that they have finished whatever became of them. */
export function wasReset(stream: Partial<ServerHttp2Stream> | undefined): boolean {
  if (stream === undefined) return false;
  return stream.aborted === true || ((stream.rstCode ?? 0) !== 0 && !stream.writableFinished);
}

/**
 * Whether a close will follow. Node's servers close what they have made: on HTTP/1 its socket is of
 * a server, and a response of HTTP/2 is closed with its stream. An adapter that calls an application
 * without a server, as on AWS Lambda, makes responses that nobody closes.
 */
function isClosedByServer(response: ServerResponse): boolean {
  if (!(response instanceof ServerResponse)) return 'stream' in response;
  return (response.socket as { readonly server?: unknown } | null)?.server !== undefined;
}

/**
 * Opens the scope of a request, or joins the one that another layer has opened.
 *
 * @param scope where another layer has opened it below the request.
 * @returns undefined where the response is a stub that can never tell that it has ended.
 */
export function observeRequest(
  request: IncomingMessage,
  response: ServerResponse,
  middlewares: readonly PerformanceMiddleware[],
  name?: string,
  scope?: Scope,
): Observed | undefined {
  const known = observedOf(request);
  if (known !== undefined) {
    if (name !== undefined) known.scope.rename(name);
    for (const middleware of middlewares) known.join(middleware);
    return known;
  }
  // A framework that routes upgrades makes a response that nobody may ever write on.
  if ((request as { upgrade?: unknown }).upgrade === true) {
    const upgrade = observeUpgrade(request, request.socket, name);
    for (const middleware of middlewares) upgrade.join(middleware);
    return upgrade;
  }
  if (!hookMessages(request, response)) return observeStub(request, response, middlewares);
  const observed = new ObservedRequest(request, response, name, scope);
  observeMessages(request, response, observed);
  for (const middleware of middlewares) observed.join(middleware);
  // An earlier middleware may have waited for longer than the client, or for the answer.
  if (response.closed || (response.writableEnded && isOver(response))) observed.end();
  return observed;
}

/** Unit tests replace what they find in its place later. */
const later = setImmediate;

/**
 * For responses of test tools, whose methods are their own: where they emit nothing either, the
 * request ends when the handler has run its first part. What it asks for after that is late.
 */
function observeStub(
  request: IncomingMessage,
  response: ServerResponse,
  middlewares: readonly PerformanceMiddleware[],
): ObservedRequest | undefined {
  // An emitter that is frozen half takes a listener, and fails when it emits.
  if (typeof response.on !== 'function' || Object.isFrozen(response)) return undefined;
  let observed: ObservedRequest | undefined;
  const end = (): void => observed?.end();
  try {
    if (response instanceof EventEmitter) {
      response.once('finish', end);
      response.once('close', end);
    } else {
      later(end);
    }
    observed = new ObservedRequest(request, response, undefined, undefined);
    putObserver(request, observed);
    for (const middleware of middlewares) observed.join(middleware);
    return observed;
  } catch {
    end();
    return undefined;
  }
}

function isOver(response: ServerResponse): boolean {
  return response.writableFinished && !isClosedByServer(response);
}

/** Undefined where nobody observes it. */
export function observedOf(request: object): Observed | undefined {
  return observerOf(request) as Observed | undefined;
}

/** Does nothing where the request is not observed. */
export function nameRouteOf(request: object, route: string): void {
  observedOf(request)?.nameByHand(route);
}

/** The same, for what knows the route later. */
export function findRouteOf(request: object, findRoute: RouteFinder, source: object): void {
  observedOf(request)?.findRouteBy(findRoute, source);
}
