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

/**
 * `{ name: value }`, as `[name, value, …]`: Node takes either, and to make an object of names that
 * each response has of its own is slow.
 */
class RecordCopy implements HeaderTarget {
  readonly #flat: unknown[] = [];

  constructor(given: object) {
    for (const name of Object.keys(given)) {
      this.#flat.push(name, (given as Record<string, unknown>)[name]);
    }
  }

  set(name: string, value: string): void {
    const at = this.#indexOf(name);
    if (at < 0) {
      this.#flat.push(name, value);
    } else {
      this.#flat[at] = name;
      this.#flat[at + 1] = value;
    }
  }

  append(name: string, value: string): void {
    const at = this.#indexOf(name);
    if (at < 0) this.#flat.push(name, value);
    else this.#flat[at + 1] = [this.#flat[at + 1], value].flat();
  }

  result(): object {
    return this.#flat;
  }

  #indexOf(name: string): number {
    const flat = this.#flat;
    for (let at = 0; at < flat.length; at += 2) {
      if (isSameName(flat[at] as string, name)) return at;
    }
    return -1;
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
