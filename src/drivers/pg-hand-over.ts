/**
 * How a query of node-postgres comes from who was asked for it to the connection that sends it:
 *
 *   pool.query() → pool.connect() → (the pool's turn) → client.query() → query.submit()
 *
 * Where each of these is the driver's own, it calls the next one and nobody else in between. The
 * query is handed over for the length of that call, and addressed: to its pool, to its client, to
 * its client's connection. Nobody else can take it.
 *
 * Where something of the application's lies between (a subclass, a wrapper), it may send statements
 * of its own first, at once or after an `await`, and another text in the end. Nothing is handed over
 * to it: all that it sends goes out in a context of its own, a `Detour`, with the scope and the call
 * site of who asked, until the client is given back. The wait for the client is the first query's.
 *
 * What comes to `submit()` without a query that was handed over, or was noted when it was queued,
 * is issued there: see `pg.ts`.
 */
import type { RecordedQuery } from '../recorder/index.ts';
import { Stamped } from '../util/stamp.ts';

/** On its way to its `subject`, which is being called. */
let handed: RecordedQuery | undefined;

/** Until {@link takeBack}. @returns what is given to that. */
export function handOver(query: RecordedQuery, to: object | undefined): RecordedQuery | undefined {
  const outer = handed;
  query.subject = to;
  handed = query;
  return outer;
}

/** The call has returned. */
export function takeBack(outer: RecordedQuery | undefined): void {
  handed = outer;
}

/** Whether nobody has taken it. */
export function isUntaken(query: RecordedQuery): boolean {
  return handed === query;
}

/** @param sql the text that the receiver is to send, where it has one. */
export function take(receiver: object | undefined, sql?: unknown): RecordedQuery | undefined {
  const query = handed;
  if (query === undefined || query.subject !== receiver) return undefined;
  if (sql !== undefined && sql !== query.sql) return undefined;
  handed = undefined;
  query.subject = undefined;
  return query;
}

/** Our hooks on `client.query` and `pool.connect`: what is found in their place lies between. */
export class Hook extends Stamped {
  #isHook = true;

  static mark<F extends object>(hook: F): F {
    return new Hook(hook) as F;
  }

  /** Whether the method is the driver's own, hooked. */
  static is(method: object): boolean {
    return #isHook in method && method.#isHook;
  }
}
