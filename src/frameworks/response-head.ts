/** Adds headers to a response at the last moment, whichever way its head is written. */
import { ServerResponse } from 'node:http';

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

/** For the response's own `writeHead`, with ours beside what the application gave. */
export interface Head extends HeaderTarget {
  arguments(): HeadArguments;
}

/**
 * Node takes the headers that `writeHead` is given in two ways. Where headers were set before, and
 * on HTTP/2 always, it sets the given ones as well, the last of a name in any case: ours are set
 * before, and what was given stays as it is. Elsewhere it writes what was given name by name, the
 * same name twice too: ours go behind, on a copy. To set them there would take it the first way,
 * with this head and, should Node refuse it, with the next.
 */
export function headOf(response: ServerResponse, args: HeadArguments): Head {
  const [, reason] = args;
  const third = typeof reason === 'string' ? args[2] : (args[2] ?? reason);
  const given = typeof third === 'object' && third !== null ? third : undefined;
  if (isSettingHeaders(response)) return new SetHead(response, args, given);
  const list = given === undefined ? [] : listOf(given);
  return list === undefined ? new RefusedHead(args) : new ListHead(args, list);
}

function withHeaders([status, reason]: HeadArguments, headers: unknown): HeadArguments {
  return typeof reason === 'string' ? [status, reason, headers] : [status, headers];
}

/** Node's own key for what was set; other runtimes have none. */
let outHeaders: symbol | null | undefined;

function isSettingHeaders(response: ServerResponse): boolean {
  if (!(response instanceof ServerResponse)) return true;
  outHeaders ??=
    Object.getOwnPropertySymbols(response).find(
      ({ description }) => description === 'kOutHeaders',
    ) ?? null;
  return outHeaders === null
    ? response.getHeaderNames().length > 0
    : Boolean((response as unknown as Record<symbol, unknown>)[outHeaders]);
}

/** Sets ours on the response. */
class SetHead implements Head {
  readonly #response: ServerResponse;
  readonly #args: HeadArguments;
  /** Without ours, which would win over those that are set. */
  #given: object | undefined;
  #isChanged = false;

  constructor(response: ServerResponse, args: HeadArguments, given: object | undefined) {
    this.#response = response;
    this.#args = args;
    this.#given = given;
  }

  set(name: string, value: string): void {
    this.#takeOut(name);
    this.#response.setHeader(name, value);
  }

  append(name: string, value: string): void {
    const own = this.#takeOut(name);
    if (own.length === 0) this.#response.appendHeader(name, value);
    else this.#response.setHeader(name, [...own, value]);
  }

  arguments(): HeadArguments {
    return this.#isChanged ? withHeaders(this.#args, this.#given) : this.#args;
  }

  /** @returns its values. */
  #takeOut(name: string): string[] {
    const given = this.#given;
    if (given === undefined) return [];
    // Most often there is none, and nothing to copy.
    const isObject = !Array.isArray(given);
    if (isObject && !Object.keys(given).some((key) => isSameName(key, name))) return [];
    const list = listOf(given);
    if (list === undefined) return [];
    const own = list.filter((_, at) => at % 2 === 1 && isSameName(list[at - 1], name));
    if (own.length === 0) return [];
    this.#isChanged = true;
    this.#given = isObject
      ? Object.fromEntries(Object.entries(given).filter(([key]) => !isSameName(key, name)))
      : given.filter((entry, at) =>
          Array.isArray(entry)
            ? !isSameName(entry[0], name)
            : !isSameName(given[at - (at % 2)], name),
        );
    return own.flat().map(String);
  }
}

/** Puts ours behind those that were given. */
class ListHead implements Head {
  readonly #args: HeadArguments;
  readonly #list: unknown[];

  constructor(args: HeadArguments, list: unknown[]) {
    this.#args = args;
    this.#list = list;
  }

  set(name: string, value: string): void {
    for (let at = this.#list.length - 2; at >= 0; at -= 2) {
      if (isSameName(this.#list[at], name)) this.#list.splice(at, 2);
    }
    this.#list.push(name, value);
  }

  append(name: string, value: string): void {
    this.#list.push(name, value);
  }

  arguments(): HeadArguments {
    return withHeaders(this.#args, this.#list);
  }
}

/** Headers that Node will not take: it has to say so. */
class RefusedHead implements Head {
  readonly #args: HeadArguments;

  constructor(args: HeadArguments) {
    this.#args = args;
  }

  set(): void {}

  append(): void {}

  arguments(): HeadArguments {
    return this.#args;
  }
}

/**
 * `{ name: value }`, `[name, value, …]` or `[[name, value], …]` as the second of these: Node takes
 * any, and to make an object of names that each response has of its own is slow.
 *
 * @returns undefined where a value or a pair is missing.
 */
function listOf(given: object): unknown[] | undefined {
  if (!Array.isArray(given)) {
    const list: unknown[] = [];
    for (const name of Object.keys(given)) {
      list.push(name, (given as Record<string, unknown>)[name]);
    }
    return list;
  }
  const entries: readonly unknown[] = given;
  if (!Array.isArray(entries[0])) return entries.length % 2 === 0 ? [...entries] : undefined;
  return entries.every((entry) => Array.isArray(entry))
    ? entries.flatMap((entry) => [(entry as unknown[])[0], (entry as unknown[])[1]])
    : undefined;
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
