/**
 * Requests of `node:http2` below its request and response objects: servers that listen to `stream`.
 * The classes of sessions and streams are nowhere exported: each is hooked when the first of it is
 * seen.
 */
import type { EventEmitter } from 'node:events';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';

import { hookEmit, observerOf, putObserver, replace } from './message-hooks.ts';
import { Observed } from './observed.ts';
import { wasReset } from './observed-request.ts';
import { writeScopeHeaders } from './response-head.ts';

type Headers = Readonly<Record<string, unknown>>;

export class ObservedStream extends Observed {
  readonly #stream: ServerHttp2Stream;
  /** As an upgrade of HTTP/1: what follows the answer is no part of the request. */
  readonly #isHandedOver: boolean;

  constructor(stream: ServerHttp2Stream, headers: Headers) {
    const { ':method': given } = headers;
    const method = typeof given === 'string' ? given : 'GET';
    super(method, undefined);
    this.#stream = stream;
    this.#isHandedOver = method === 'CONNECT';
  }

  /** Called in place of each way to answer, just before it. */
  beforeAnswer(args: unknown[], at: number): unknown[] {
    const stream = this.#stream;
    const given = args[at];
    // What Node refuses is the application's error, and its own to throw.
    const isRefused = given !== undefined && (typeof given !== 'object' || given === null);
    if (stream.headersSent || stream.destroyed || stream.closed || isRefused) return args;
    try {
      this.askForRoute();
      const head = new StreamHead(given);
      writeScopeHeaders(this.recorder, this.scope, this.middlewares, head);
      return [...args.slice(0, at), head.headers, ...args.slice(at + 1)];
    } catch (error) {
      this.recorder.reportFault(error);
      return args;
    }
  }

  afterAnswer(): void {
    if (this.#isHandedOver && this.#stream.headersSent) this.#end(false);
  }

  note(_target: EventEmitter, event: 'close' | 'finish'): void {
    if (event === 'close') this.#end(wasReset(this.#stream));
  }

  #end(isAborted: boolean): void {
    this.close(Number(this.#stream.sentHeaders?.[':status'] ?? 0), isAborted);
  }
}

/** A copy of what was given, an object or, in later versions of Node, a list, with ours in it. */
class StreamHead {
  readonly headers: object;

  constructor(given: object | undefined) {
    // With its symbols: one says which headers are sensitive.
    this.headers = Object.assign(Array.isArray(given) ? [] : {}, given);
  }

  set(name: string, value: string): void {
    const { headers } = this;
    const key = name.toLowerCase();
    if (Array.isArray(headers)) {
      for (let at = headers.length - 2; at >= 0; at -= 2) {
        if (String(headers[at]).toLowerCase() === key) headers.splice(at, 2);
      }
      headers.push(key, value);
      return;
    }
    const own = headers as Record<string, unknown>;
    for (const other of Object.keys(own)) {
      if (other.toLowerCase() === key) delete own[other];
    }
    own[key] = value;
  }

  append(name: string, value: string): void {
    const { headers } = this;
    const key = name.toLowerCase();
    if (Array.isArray(headers)) {
      headers.push(key, value);
      return;
    }
    const own = headers as Record<string, unknown>;
    const before = Object.keys(own).find((other) => other.toLowerCase() === key);
    if (before === undefined) own[key] = value;
    else own[before] = [own[before], value].flat();
  }
}

const HOOKED: unique symbol = Symbol.for('hyperdjango.streams.hooked@0') as never;

/** Where the headers stand among the arguments of each way to answer. */
const WAYS = { respond: 0, respondWithFD: 1, respondWithFile: 1 } as const;

/** @returns what is observed already, or from now on. */
export function observeStream(stream: ServerHttp2Stream, headers: Headers): Observed {
  const known = observerOf(stream) as Observed | undefined;
  if (known !== undefined) return known;
  const observed = new ObservedStream(stream, headers);
  if (!(HOOKED in stream)) hookStreams(Object.getPrototypeOf(stream) as ServerHttp2Stream);
  putObserver(stream, observed);
  return observed;
}

function hookStreams(prototype: ServerHttp2Stream): void {
  Object.defineProperty(prototype, HOOKED, { value: true });
  hookEmit(prototype, observerOf);
  const methods = prototype as unknown as Record<string | symbol, (...args: unknown[]) => unknown>;
  // Node itself answers by a name of its own where the application only writes.
  const inner = Object.getOwnPropertySymbols(prototype).filter(
    (name) => methods[name] === methods['respond'],
  );
  for (const [way, at] of Object.entries(WAYS)) {
    const original = methods[way];
    if (original === undefined) continue;
    const hook = {
      [way](this: ServerHttp2Stream, ...args: unknown[]): unknown {
        const observed = observerOf(this);
        if (!(observed instanceof ObservedStream)) return original.apply(this, args);
        const result = original.apply(this, observed.beforeAnswer(args, at));
        observed.afterAnswer();
        return result;
      },
    }[way] as object;
    for (const name of way === 'respond' ? [way, ...inner] : [way]) {
      replace(prototype, name, hook, original.length);
    }
  }
}

type Run = (args: readonly unknown[], answer: () => boolean) => boolean;

/**
 * Servers tell of streams themselves; an application that listens to a session hears of them first.
 *
 * @param run is given what is told, and lets it be heard.
 */
export function hookSessions(session: ServerHttp2Session, run: Run): void {
  if (HOOKED in session) return;
  const prototype = Object.getPrototypeOf(session) as ServerHttp2Session;
  Object.defineProperty(prototype, HOOKED, { value: true });
  const { emit: original } = prototype as { emit: (...args: unknown[]) => boolean };
  const hook = function emit(this: ServerHttp2Session, ...args: unknown[]): boolean {
    const answer = (): boolean => original.apply(this, args);
    // One listener is the server's own.
    if (args[0] !== 'stream' || this.listenerCount('stream') < 2) return answer();
    return run(args, answer);
  };
  replace(prototype, 'emit', hook, original.length);
}
