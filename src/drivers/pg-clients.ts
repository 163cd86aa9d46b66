/** What is known of each client of node-postgres, and of the query that it is handed. */
import type { RecordedQuery, Recorder } from '../recorder/index.ts';
import { Stamped } from '../util/stamp.ts';
import type { PgClient, PgPool, PgQuery } from './pg-types.ts';

/** One client, for as long as the application holds on to it. */
export interface ClientState {
  /** The pool that handed it out. */
  pool: PgPool | undefined;
  /** From the application's `connect()` to the client. Taken by the first query after it. */
  waitNs: number;
  /** What opening the connection took, until the checkout that it was opened for; and when it was open. */
  openingNs: number;
  openSinceNs: number;
  /** The part of `waitNs` in which the connection was opened. */
  connectNs: number;
  /** When the application took it from the pool; 0 while nobody holds it. */
  heldSinceNs: number;
}

/** A client, with what is known of it. */
class StampedClient extends Stamped {
  #state: ClientState | undefined;

  static of(this: void, target: PgClient): ClientState {
    // Asked several times a query, and answered with no only once a client: to ask first whether
    // the field is there would cost as much again.
    try {
      return (target as unknown as StampedClient).#state as ClientState;
    } catch {
      return (new StampedClient(target).#state = newState(target));
    }
  }
}

/** For `uninstrument`, which must find the queries in flight. */
let references: WeakRef<PgClient>[] = [];
/** References are looked through for dead ones at each doubling. */
let pruneAt = 64;

/** The client's connection, which began to be opened at `startNs`, is open now. */
export function noteOpen(recorder: Recorder, client: PgClient, startNs: number): void {
  const state = stateOf(client);
  state.openSinceNs = recorder.engine.nowNs();
  state.openingNs = Math.max(0, state.openSinceNs - startNs);
}

/** Made when it is first asked for. */
export const stateOf: (client: PgClient) => ClientState = StampedClient.of;

function newState(client: PgClient): ClientState {
  references.push(new WeakRef(client));
  if (references.length >= pruneAt) {
    references = references.filter((reference) => reference.deref() !== undefined);
    pruneAt = Math.max(64, references.length * 2);
  }
  return { pool: undefined, waitNs: 0, openingNs: 0, openSinceNs: 0, connectNs: 0, heldSinceNs: 0 };
}

/** What `pool.query()` noted, while the pool asks its client for it. */
let handed: RecordedQuery | undefined;

/**
 * The pool's own callback is called next, which asks its client for the one query and calls nobody
 * else. Nothing is handed over when it has returned.
 */
export function handOver(query: RecordedQuery | undefined): void {
  handed = query;
}

/** @returns what the pool hands to its client, for the first query that this is asked for. */
export function takeHanded(
  sql: string,
  values: readonly unknown[] | undefined,
): RecordedQuery | undefined {
  const query = handed;
  if (query === undefined) return undefined;
  handed = undefined;
  // What lies between the pool and the client may have added to the text.
  query.sql = sql;
  query.values = values;
  return query;
}

/** Notes that a client is asked for a query by its pool, or by the application. */
export function issueOn(
  recorder: Recorder,
  client: PgClient,
  sql: string,
  values: readonly unknown[] | undefined,
  below: unknown,
): RecordedQuery | undefined {
  const query = takeHanded(sql, values);
  if (query !== undefined) return query;
  const state = stateOf(client);
  const issued = recorder.issue(sql, values, state.pool ?? client, below);
  if (issued !== undefined && state.waitNs > 0) {
    issued.poolWaitNs = state.waitNs;
    issued.connectNs = state.connectNs;
    state.waitNs = 0;
  }
  return issued;
}

/** Queries that were given to clients of this class, and have not ended. */
export function* queriesInFlight(prototype: PgClient): Generator<[PgQuery, PgClient]> {
  for (const reference of references) {
    const client = reference.deref();
    if (client === undefined || !isOf(client, prototype)) continue;
    const active = '_activeQuery' in client ? client._activeQuery : client.activeQuery;
    const waiting = [...(client._sentQueryQueue ?? []), ...(queueOf(client) ?? [])];
    for (const query of active ? [active, ...waiting] : waiting) yield [query, client];
  }
}

/** What waits in the client for the connection. */
export function queueOf(client: PgClient): readonly PgQuery[] | undefined {
  return client._queryQueue ?? client.queryQueue;
}

function isOf(client: PgClient, prototype: PgClient): boolean {
  for (let next: unknown = client; next; next = Object.getPrototypeOf(next)) {
    if (next === prototype) return true;
  }
  return false;
}
