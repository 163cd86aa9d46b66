/** One request from its first sight to its end, whatever it comes over. */
import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';

import type { PerformanceMiddleware } from '../performance/index.ts';
import { getRecorder, type Recorder, type Scope } from '../recorder/index.ts';
import { requestName, UNKNOWN_ROUTE } from './request-name.ts';

/** Says the pattern of a request's route once the framework knows it. */
export type RouteFinder = (source: object) => string | undefined;

/** What an adapter names a request by where the framework tells, while it runs, which route it takes. */
export interface RunningName {
  /** As things stand; undefined before it is settled. */
  readonly current: string | undefined;
  /** When the request has been answered. */
  readonly final: string;
}

export type Emit = EventEmitter['emit'];

const NO_MIDDLEWARES: readonly PerformanceMiddleware[] = [];

export abstract class Observed {
  readonly scope: Scope;
  protected readonly recorder: Recorder = getRecorder();
  readonly #method: string | undefined;
  protected middlewares: readonly PerformanceMiddleware[] = NO_MIDDLEWARES;
  #findRoute: RouteFinder | undefined;
  #routeSource: object | undefined;
  #isNamed = false;
  #isNamedByHand = false;
  #name: RunningName | undefined;

  /**
   * @param name where it is known from the start.
   * @param scope where another layer has opened it.
   */
  constructor(method: string | undefined, name: string | undefined, scope?: Scope) {
    this.#method = method;
    this.scope =
      scope ?? this.recorder.openScope('request', name ?? requestName(method, UNKNOWN_ROUTE));
  }

  /** The middleware counts the request, once however often it is told. */
  join(middleware: PerformanceMiddleware): void {
    const before = this.middlewares;
    if (before.includes(middleware)) return;
    this.middlewares = before.length === 0 ? [middleware] : [...before, middleware];
    middleware.observe(this.scope);
  }

  /** Asks before each query and when the head goes out, until there is an answer; last at the end. */
  findRouteBy(findRoute: RouteFinder, source: object): void {
    this.#findRoute = findRoute;
    this.#routeSource = source;
    // A query tells whoever looks from outside which route the request has taken.
    this.scope.namer = this;
  }

  /** The application says it, and knows best. */
  nameByHand(route: string): void {
    this.#isNamedByHand = true;
    this.#nameRoute(route);
    this.recorder.nameInFlight(this.scope);
  }

  /** The framework takes this route now, perhaps after others that passed the request on. */
  chooseRoute(route: string): void {
    if (this.#isNamedByHand || this.#name !== undefined) return;
    this.#nameRoute(route);
    // Its handler may block before the first query.
    this.recorder.nameInFlight(this.scope);
  }

  /** The framework is about to take this route; {@link Observed.findRouteBy} has the last word. */
  expectRoute(route: string): void {
    if (this.#isNamed || this.#name !== undefined) return;
    this.scope.rename(requestName(this.#method, route));
    this.recorder.nameInFlight(this.scope);
  }

  /** Where several layers know a name, the outermost is right. */
  nameBy(name: RunningName): void {
    if (this.#name !== undefined) return;
    this.#name = name;
    this.scope.namer = this;
  }

  emit(target: EventEmitter, emit: Emit, args: Parameters<Emit>): boolean {
    // Parsers and sockets emit in a context of their own.
    return this.recorder.runIn(this.scope, emitInside, target, emit, args);
  }

  /** Until the framework has an answer, or a fault shows that it will have none. Never throws. */
  askForRoute(): void {
    if (this.#isNamed) return;
    try {
      if (this.#name !== undefined) this.#askForName(this.#name);
      else if (this.#routeSource !== undefined) {
        const route = this.#findRoute?.(this.#routeSource);
        if (route !== undefined) this.#nameRoute(route);
      }
    } catch (error) {
      this.#isNamed = true;
      this.scope.namer = undefined;
      this.recorder.reportFault(error);
    }
  }

  /** The second call does nothing. */
  protected close(statusCode: number, isAborted: boolean): void {
    if (this.scope.isClosed) return;
    this.#nameFinally();
    // A stub's may be anything.
    const status = typeof statusCode === 'number' ? statusCode : 0;
    this.recorder.closeScope(this.scope, { statusCode: status, isAborted });
  }

  /** @param route a pattern such as `/users/:id`. */
  #nameRoute(route: string): void {
    this.#isNamed = true;
    this.scope.namer = undefined;
    this.scope.rename(requestName(this.#method, route));
  }

  #askForName({ current }: RunningName): void {
    if (current === undefined) return;
    this.scope.namer = undefined;
    this.scope.rename(current);
  }

  #nameFinally(): void {
    if (this.#name === undefined || this.#isNamedByHand) return this.askForRoute();
    try {
      this.scope.rename(this.#name.final);
    } catch (error) {
      this.recorder.reportFault(error);
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
