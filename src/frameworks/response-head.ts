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
 *
 * @param write is called once, and puts its headers on the target that it is given.
 * @returns the arguments for the response's own `writeHead`.
 */
export function headWith(
  response: ServerResponse,
  args: HeadArguments,
  write: (headers: HeaderTarget) => void,
): HeadArguments {
  const [status, reason] = args;
  const given = typeof reason === 'string' ? args[2] : (args[2] ?? reason);
  if (typeof given !== 'object' || given === null) {
    write({
      set: (name, value) => response.setHeader(name, value),
      append: (name, value) => response.appendHeader(name, value),
    });
    return args;
  }
  const headers = Array.isArray(given) ? new ListCopy(given) : new RecordCopy(given);
  write(headers);
  const joined = headers.result();
  return typeof reason === 'string' ? [status, reason, joined] : [status, joined];
}

/** Inherits nothing, so that `__proto__` is a name like any other, and has the shape of its names. */
const BareRecord = function () {} as unknown as new () => Record<string, unknown>;
BareRecord.prototype = Object.create(null);

/** `{ name: value }`. */
class RecordCopy implements HeaderTarget {
  /** As the application spelled them. */
  readonly #names: readonly string[];
  // Filled one by one, as a spread of an object that was made for this request is slow.
  readonly #headers = new BareRecord();

  constructor(given: object) {
    this.#names = Object.keys(given);
    for (const name of this.#names) {
      this.#headers[name] = (given as Record<string, unknown>)[name];
    }
  }

  set(name: string, value: string): void {
    const own = this.#ownName(name);
    if (own !== undefined && own !== name) delete this.#headers[own];
    this.#headers[name] = value;
  }

  append(name: string, value: string): void {
    const own = this.#ownName(name) ?? name;
    const before = this.#headers[own];
    this.#headers[own] = before === undefined ? value : [before, value].flat();
  }

  result(): object {
    return this.#headers;
  }

  #ownName(name: string): string | undefined {
    for (const own of this.#names) {
      if (isSameName(own, name)) return own;
    }
    return undefined;
  }
}

/** `[name, value, …]` or `[[name, value], …]`. */
class ListCopy implements HeaderTarget {
  readonly #isFlat: boolean;
  #entries: [name: unknown, value: unknown][];

  constructor(given: readonly unknown[]) {
    this.#isFlat = !Array.isArray(given[0]);
    if (this.#isFlat) {
      this.#entries = [];
      for (let index = 0; index < given.length; index += 2) {
        this.#entries.push([given[index], given[index + 1]]);
      }
    } else {
      this.#entries = [...(given as [unknown, unknown][])];
    }
  }

  set(name: string, value: string): void {
    this.#entries = this.#entries.filter(([own]) => !isSameName(String(own), name));
    this.#entries.push([name, value]);
  }

  append(name: string, value: string): void {
    this.#entries.push([name, value]);
  }

  result(): object {
    return this.#isFlat ? this.#entries.flat() : this.#entries;
  }
}

/** Most names differ in their length or their first letter: to change their case is dear. */
function isSameName(one: string, other: string): boolean {
  return (
    one.length === other.length &&
    (one.charCodeAt(0) | 0x20) === (other.charCodeAt(0) | 0x20) &&
    one.toLowerCase() === other.toLowerCase()
  );
}
