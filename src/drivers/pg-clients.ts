/** What is known of each client of node-postgres. */
import type { Detour, RecordedQuery, Recorder } from '../recorder/index.ts';
import { Stamped } from '../util/stamp.ts';
import type { PgClient, PgPool, PgQuery } from './pg-types.ts';

/** One client, for as long as the application holds on to it. */
export interface ClientState {
  /** The pool that hands it out. */
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
  /** What the pool was asked for, while the application's own lies between: over when it is given back. */
  detour: Detour | undefined;
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
  return {
    pool: undefined,
    waitNs: 0,
    openingNs: 0,
    openSinceNs: 0,
    connectNs: 0,
    heldSinceNs: 0,
    detour: undefined,
  };
}

/** Notes that the application, or what lies between it and the client, asks the client for a query. */
export function issueOn(
  recorder: Recorder,
  client: PgClient,
  sql: string,
  values: readonly unknown[] | undefined,
  below: unknown,
): RecordedQuery | undefined {
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
