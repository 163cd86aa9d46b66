/** Adds headers to a response at the last moment, whichever way its head is written. */
import type { ServerResponse } from 'node:http';

import { formatProfile, formatServerTiming } from '../profiling/index.ts';
import type { PerformanceMiddleware } from '../performance/index.ts';
import type { Recorder, Scope } from '../recorder/index.ts';

/** Takes headers; a `Server-Timing` of the application's own stays beside ours. */
export interface HeaderTarget {
  set(name: string, value: string): void;
  append(name: string, value: string): void;
}

/** Writes what the middlewares and the profile have to say of a request, as things stand now. */
export function writeScopeHeaders(
  recorder: Recorder,
  scope: Scope,
  middlewares: readonly PerformanceMiddleware[],
  headers: HeaderTarget,
): void {
  for (const middleware of middlewares) middleware.writeHeaders(scope, headers);
  if (scope.profile === undefined) return;
  const nowNs = recorder.engine.nowNs();
  headers.set('X-Profile', formatProfile(scope, scope.profile, nowNs));
  headers.append('Server-Timing', formatServerTiming(scope, scope.profile, nowNs));
}

/** What `writeHead` was called with: a status, perhaps its text, perhaps headers. */
export type HeadArguments = unknown[];

/**
 * Headers that are given to `writeHead` go out as they are, and take precedence over those set
 * before: ours then have to be among them. A copy is made, as the application's may be shared.
 */
export interface Head extends HeaderTarget {
  /** For the response's own `writeHead`. */
  arguments(): HeadArguments;
}

export function headOf(response: ServerResponse, args: HeadArguments): Head {
  const [, reason] = args;
  const given = typeof reason === 'string' ? args[2] : (args[2] ?? reason);
  if (typeof given !== 'object' || given === null) return new PlainHead(response, args);
  return Array.isArray(given) && Array.isArray(given[0])
    ? new PairsHead(args, given)
    : new ListHead(args, given);
}

/** Without headers of its own. */
class PlainHead implements Head {
  readonly #response: ServerResponse;
  readonly #args: HeadArguments;

  constructor(response: ServerResponse, args: HeadArguments) {
    this.#response = response;
    this.#args = args;
  }

  set(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  append(name: string, value: string): void {
    this.#response.appendHeader(name, value);
  }

  arguments(): HeadArguments {
    return this.#args;
  }
}

function withHeaders([status, reason]: HeadArguments, headers: unknown): HeadArguments {
  return typeof reason === 'string' ? [status, reason, headers] : [status, headers];
}

/**
 * With `{ name: value }` or `[name, value, …]`. Both become the latter: Node takes either, and to
 * make an object of names that each response has of its own is slow.
 */
class ListHead implements Head {
  readonly #args: HeadArguments;
  readonly #list: unknown[];

  constructor(args: HeadArguments, given: object) {
    this.#args = args;
    if (Array.isArray(given)) {
      this.#list = [...(given as unknown[])];
      return;
    }
    this.#list = [];
    for (const name of Object.keys(given)) {
      this.#list.push(name, (given as Record<string, unknown>)[name]);
    }
  }

  set(name: string, value: string): void {
    for (let at = this.#list.length - 2; at >= 0; at -= 2) {
      if (isSameName(this.#list[at], name)) this.#list.splice(at, 2);
    }
    this.#list.push(name, value);
  }

  /** Beside the other's value: HTTP/2 takes a name once. */
  append(name: string, value: string): void {
    const list = this.#list;
    for (let at = 0; at < list.length; at += 2) {
      if (!isSameName(list[at], name)) continue;
      list[at + 1] = [list[at + 1], value].flat();
      return;
    }
    list.push(name, value);
  }

  arguments(): HeadArguments {
    return withHeaders(this.#args, this.#list);
  }
}

/** With `[[name, value], …]`. */
class PairsHead implements Head {
  readonly #args: HeadArguments;
  #pairs: (readonly unknown[])[];

  constructor(args: HeadArguments, given: readonly (readonly unknown[])[]) {
    this.#args = args;
    this.#pairs = [...given];
  }

  set(name: string, value: string): void {
    this.#pairs = this.#pairs.filter(([own]) => !isSameName(own, name));
    this.#pairs.push([name, value]);
  }

  append(name: string, value: string): void {
    this.#pairs.push([name, value]);
  }

  arguments(): HeadArguments {
    return withHeaders(this.#args, this.#pairs);
  }
}

/** Most names differ in their length or their first letter: to change their case is dear. */
function isSameName(own: unknown, name: string): boolean {
  return (
    typeof own === 'string' &&
    own.length === name.length &&
    (own.charCodeAt(0) | 0x20) === (name.charCodeAt(0) | 0x20) &&
    own.toLowerCase() === name.toLowerCase()
  );
}
