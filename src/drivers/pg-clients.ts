/** What is known of each client of node-postgres. */
import { Stamped } from '../util/stamp.ts';
import type { PgClient, PgPool, PgQuery } from './pg-types.ts';

/** One client, for as long as the application holds on to it. */
export interface ClientState {
  /** The pool that handed it out. */
  pool: PgPool | undefined;
  /** From `connect()` of the pool to the client. Taken by the first query after the checkout. */
  waitNs: number;
  /** What opening the connection took, until the checkout that it was opened for. */
  openedNs: number;
  /** The part of `waitNs` in which the connection was opened. */
  connectNs: number;
  /** When the application took it from the pool; 0 while nobody holds it. */
  heldSinceNs: number;
}

/** A client, with what is known of it. */
class StampedClient extends Stamped {
  #state: ClientState | undefined;

  static of(target: PgClient): ClientState | undefined {
    return #state in target ? (target as StampedClient).#state : undefined;
  }

  static put(target: PgClient, state: ClientState | undefined): void {
    if (#state in target) (target as StampedClient).#state = state;
    else new StampedClient(target).#state = state;
  }
}

/** For `uninstrument`, which must find the queries in flight. */
let references: WeakRef<PgClient>[] = [];
/** References are looked through for dead ones at each doubling. */
let pruneAt = 64;

export function stateOf(client: PgClient): ClientState {
  let state = StampedClient.of(client);
  if (state === undefined) {
    state = { pool: undefined, waitNs: 0, openedNs: 0, connectNs: 0, heldSinceNs: 0 };
    StampedClient.put(client, state);
    references.push(new WeakRef(client));
    if (references.length >= pruneAt) {
      references = references.filter((reference) => reference.deref() !== undefined);
      pruneAt = Math.max(64, references.length * 2);
    }
  }
  return state;
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
