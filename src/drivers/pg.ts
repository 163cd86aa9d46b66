/**
 * The hook on node-postgres. It sees every query of every client, however it was asked for, and
 * changes nothing that the application could notice: no callback, promise or listener of a query is
 * wrapped or added. A query's life is read off the driver's own `Query` object:
 *
 *   client.query()        the scope is captured, here and only here
 *   query.submit()        the query is handed over to the connection: it begins
 *   handleReadyForQuery() its last result is there: it ends, before the application hears of it
 *   handleError()         it failed: the same
 *
 * The driver calls back in the context of whatever opened the connection or released the client,
 * so that what a callback issues next would be booked on another request. The hook goes back into
 * the scope of the caller for it, and leaves the application's own contexts as they are.
 */
import { OUTCOME, type Outcome } from '../engine/engine.ts';
import {
  getRecorder,
  type PoolState,
  type RecordedQuery,
  type Recorder,
} from '../recorder/index.ts';
import { createStamp } from '../util/stamp.ts';
import type {
  PgClient,
  PgClientClass,
  PgConnection,
  PgConnectCallback,
  PgPool,
  PgPoolClass,
  PgPoolOptions,
  PgQuery,
} from './pg-types.ts';

/** What is known of a client that a pool has handed out. */
interface Checkout {
  readonly pool: PgPool;
  /** From `connect()` to the client. Taken by the first query after the checkout. */
  waitNs: number;
}

interface ConnectionSettings {
  standardConformingStrings: boolean | undefined;
}

/** Instead of the time at which a client was asked for. */
const NO_WAIT = -1;

/** Puts back what was patched. */
type Undo = () => void;

// State hangs on globals by name: two copies of this package must not hook one driver twice.
const PATCHED: unique symbol = Symbol.for('hyperdjango.pg.patched@0') as never;

const checkouts = createStamp<PgClient, Checkout>();
const records = createStamp<PgQuery, RecordedQuery>();
/** Further runs of one `Query` object that was given to `client.query()` again before its end. */
const rerunsOf = createStamp<PgQuery, RecordedQuery[]>();
/** For cursors and streams, whose methods are hooked one by one and put back at their end. */
const undoes = createStamp<PgQuery, Undo[]>();
/** How a connection reads backslashes, as the server has last said. */
const settings = createStamp<PgConnection, ConnectionSettings>();
/** The query that `client.query()` is issuing at this moment, until `submit()` claims it. */
let issuing: RecordedQuery | undefined;

/** Hooks the clients of one copy of the driver; a second call does nothing. */
export function instrumentClient(Client: PgClientClass): void {
  const recorder = getRecorder();
  const root = rootOf(Client.prototype, 'query');
  const queries = (root.constructor as PgClientClass).Query.prototype;
  patchOnce(root, () => [
    patchClientConnect(root),
    patchIssue(root, queries, recorder),
    ...patchLife(queries, recorder),
  ]);
}

/** Hooks the pools of one copy of pg-pool; a second call does nothing. */
export function instrumentPool(Pool: PgPoolClass): void {
  const recorder = getRecorder();
  const root = rootOf(Pool.prototype, 'connect');
  patchOnce(root, () => [patchConnect(root, recorder)]);
}

/** Puts the driver's own functions back, identical to what they were. */
export function uninstrumentClient(Client: PgClientClass): void {
  unpatch(rootOf(Client.prototype, 'query'));
}

export function uninstrumentPool(Pool: PgPoolClass): void {
  unpatch(rootOf(Pool.prototype, 'connect'));
}

/**
 * The driver's own class, at the end of the chain: a hook on a subclass as well would count twice,
 * and a subclass may give the method another form.
 */
function rootOf<T extends object>(prototype: T, method: keyof T): T {
  let root = prototype;
  let next: T | null = prototype;
  while (next !== null) {
    if (Object.hasOwn(next, method)) root = next;
    next = Object.getPrototypeOf(next) as T | null;
  }
  return root;
}

function patchOnce(prototype: object, patch: () => Undo[]): void {
  if (Object.hasOwn(prototype, PATCHED)) return;
  Object.defineProperty(prototype, PATCHED, { value: patch(), configurable: true });
}

function unpatch(prototype: object): void {
  const patched = prototype as { [PATCHED]?: Undo[] };
  if (!Object.hasOwn(patched, PATCHED)) return;
  for (const undo of patched[PATCHED] ?? []) undo();
  delete patched[PATCHED];
}

/** Replaces a method by one of the same name and length. */
function replaceMethod<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => T[K],
): Undo {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const original = target[name];
  const replacement = make(original);
  const { length } = original as { readonly length: number };
  Object.defineProperties(replacement, {
    name: { value: name, configurable: true },
    length: { value: length, configurable: true },
  });
  Object.defineProperty(target, name, {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: true,
    value: replacement,
  });
  return () => {
    if (own === undefined) delete target[name];
    else Object.defineProperty(target, name, own);
  };
}

/**
 * The server says its settings while a client connects, and when one changes; the driver keeps none
 * of it. The listener is on the driver's own connection, which is the application's business no
 * more than its socket.
 */
function patchClientConnect(clients: PgClient): Undo {
  return replaceMethod(clients, 'connect', (original) => {
    return function connect(this: PgClient, ...args: Parameters<PgClient['connect']>): unknown {
      const { connection } = this;
      if (typeof connection?.on === 'function' && settings.get(connection) === undefined) {
        const known: ConnectionSettings = { standardConformingStrings: undefined };
        settings.set(connection, known);
        connection.on('parameterStatus', (message) => {
          if (message?.parameterName !== 'standard_conforming_strings') return;
          known.standardConformingStrings = message.parameterValue === 'on';
        });
      }
      return original.apply(this, args);
    };
  });
}

function patchIssue(clients: PgClient, queries: PgQuery, recorder: Recorder): Undo {
  return replaceMethod(clients, 'query', (original) => {
    return function query(this: PgClient, ...args: Parameters<PgClient['query']>): unknown {
      const outer = issuing;
      const record = issue(recorder, queries, this, args);
      issuing = record;
      let result;
      try {
        result = original.apply(this, args);
      } catch (error) {
        // The driver refused the call itself: nothing was sent, nothing is to be counted.
        issuing = outer;
        throw error;
      }
      const isUnclaimed = record !== undefined && issuing === record;
      issuing = outer;
      if (isUnclaimed) claimQueued(recorder, this, args[0], record);
      return result;
    };
  });
}

/** Hooks what the driver calls on a query: on `Query.prototype`, or on one cursor or stream. */
function patchLife(target: PgQuery, recorder: Recorder): Undo[] {
  return [
    replaceMethod(target, 'submit', (original) => {
      return function submit(this: PgQuery, connection: unknown): unknown {
        beginSubmitted(recorder, this, connection);
        try {
          return original.call(this, connection);
        } catch (error) {
          // What the driver cannot write never gets an answer.
          end(recorder, this, OUTCOME.error);
          throw error;
        }
      };
    }),
    replaceMethod(target, 'handleReadyForQuery', (original) => {
      return function handleReadyForQuery(this: PgQuery, connection: unknown): unknown {
        // After a row that could not be parsed the driver goes on to handleError by itself.
        if (this._canceledDueToError) return original.call(this, connection);
        const record = end(recorder, this, OUTCOME.ok);
        if (record === undefined || recorder.captureContext() === record.scope) {
          return original.call(this, connection);
        }
        return recorder.runIn(record.scope, () => original.call(this, connection));
      };
    }),
    replaceMethod(target, 'handleError', (original) => {
      return function handleError(this: PgQuery, error: unknown, connection: unknown): unknown {
        const record = end(recorder, this, OUTCOME.error);
        if (record === undefined) return original.call(this, error, connection);
        return recorder.runIn(record.scope, () => original.call(this, error, connection));
      };
    }),
  ];
}

function issue(
  recorder: Recorder,
  queries: PgQuery,
  client: PgClient,
  args: Parameters<PgClient['query']>,
): RecordedQuery | undefined {
  try {
    const config = args[0];
    const query = typeof config === 'string' ? undefined : (config as Partial<PgQuery> | null);
    const sql = query === undefined ? config : query && textOf(query, client);
    if (typeof sql !== 'string') return undefined;
    const isSubmittable = typeof query?.submit === 'function';
    const own = query?.values ?? query?.cursor?.values;
    const given = isSubmittable ? own : (args[1] ?? own);
    const checkout = checkouts.get(client);
    const record = recorder.issue(
      sql,
      Array.isArray(given) ? given : undefined,
      checkout?.pool ?? client,
    );
    if (record === undefined) return undefined;
    if (checkout !== undefined) {
      record.poolWaitNs = checkout.waitNs;
      checkout.waitNs = 0;
    }
    if (isSubmittable && query.submit !== queries.submit) {
      const submittable = query as PgQuery;
      if (undoes.get(submittable) === undefined)
        undoes.set(submittable, patchLife(submittable, recorder));
    }
    return record;
  } catch (error) {
    recorder.reportFault(error);
    return undefined;
  }
}

/** A stream keeps its text on its cursor, the connection that of a prepared statement. */
function textOf({ text, cursor, name }: Partial<PgQuery>, { connection }: PgClient): unknown {
  if (text !== undefined || cursor !== undefined || typeof name !== 'string') {
    return text ?? cursor?.text;
  }
  return connection?.parsedStatements?.[name] ?? connection?.submittedNamedStatements?.[name];
}

/** Whether the driver may have made the query from the call that the record is of. */
function isOf({ sql }: RecordedQuery, query: PgQuery): boolean {
  return (query.text ?? sql) === sql;
}

/** The connection was busy: the query waits in the client's queue, or was refused outright. */
function claimQueued(
  recorder: Recorder,
  client: PgClient,
  config: unknown,
  record: RecordedQuery,
): void {
  try {
    const queued = (client._queryQueue ?? client.queryQueue)?.at(-1);
    if (queued !== undefined && isOf(record, queued) && records.get(queued) === undefined) {
      records.set(queued, record);
    } else if (queued !== undefined && queued === config) {
      rerunsOf.set(queued, [...(rerunsOf.get(queued) ?? []), record]);
    } else {
      recorder.begin(record);
      recorder.end(record, OUTCOME.error, -1);
    }
  } catch (error) {
    recorder.reportFault(error);
  }
}

function beginSubmitted(recorder: Recorder, query: PgQuery, connection: unknown): void {
  try {
    let record = records.get(query);
    if (record === undefined) {
      if (issuing === undefined || !isOf(issuing, query)) return;
      record = issuing;
      records.set(query, record);
    }
    if (issuing === record) issuing = undefined;
    // A class of its own comes by twice: hooked itself, it calls the one that it extends.
    if (record.startNs !== 0) return;
    if (typeof connection === 'object' && connection !== null) {
      const known = settings.get(connection);
      record.standardConformingStrings = known?.standardConformingStrings;
    }
    recorder.begin(record);
  } catch (error) {
    recorder.reportFault(error);
  }
}

/** @returns what has ended; undefined where the query is none of ours, or ended before. */
function end(recorder: Recorder, query: PgQuery, outcome: Outcome): RecordedQuery | undefined {
  try {
    const record = records.get(query);
    const rerun = rerunsOf.get(query)?.shift();
    if (rerun === undefined) {
      records.set(query, undefined);
      undoLife(query);
    } else {
      records.set(query, rerun);
    }
    if (record === undefined) return undefined;
    // A connection that was lost fails what still waits in the client's queue too.
    if (record.startNs === 0) recorder.begin(record);
    recorder.end(record, outcome, outcome === OUTCOME.ok ? rowCountOf(query) : -1);
    return record;
  } catch (error) {
    recorder.reportFault(error);
    return undefined;
  }
}

function undoLife(query: PgQuery): void {
  const undone = undoes.get(query);
  if (undone === undefined) return;
  for (const undo of undone) undo();
  undoes.set(query, undefined);
}

/** Of several statements in one text, the last one's. */
function rowCountOf({ _results: results }: PgQuery): number {
  const last = Array.isArray(results) ? results.at(-1) : results;
  return last?.rowCount ?? -1;
}

function patchConnect(pools: PgPool, recorder: Recorder): Undo {
  return replaceMethod(pools, 'connect', (original) => {
    return function connect(this: PgPool, callback?: PgConnectCallback | null): unknown {
      if (!callback && this.ending) return original.call(this);
      watchPool(recorder, this);
      const context = recorder.captureContext();
      // A client that lies ready is not waited for: the clock need not be asked twice.
      const startNs = this.idleCount > this.waitingCount ? NO_WAIT : recorder.engine.nowNs();
      if (callback) {
        const returned = original.call(this, (...result) => {
          noteCheckout(recorder, this, result[1], startNs);
          return recorder.captureContext() === context
            ? callback(...result)
            : recorder.runIn(context, () => callback(...result));
        });
        if (startNs !== NO_WAIT) notePool(recorder, this);
        return returned;
      }
      // The driver's own promise form, so that failing takes as many ticks as it does without us,
      // and that what it throws is thrown.
      let settle: PgConnectCallback = () => {};
      const connected = new this.Promise((resolve, reject) => {
        settle = (error, client) => (error ? reject(error) : resolve(client));
      }).catch((error: Error) => {
        Error.captureStackTrace(error);
        throw error;
      });
      original.call(this, (error, client) => {
        noteCheckout(recorder, this, client, startNs);
        settle(error, client);
      });
      if (startNs !== NO_WAIT) notePool(recorder, this);
      return connected;
    };
  });
}

function watchPool(recorder: Recorder, pool: PgPool): void {
  try {
    if (!recorder.isUnrecorded()) recorder.pools.add(pool, describePool);
  } catch (error) {
    recorder.reportFault(error);
  }
}

function notePool(recorder: Recorder, pool: PgPool): void {
  try {
    recorder.pools.note(pool, pool.waitingCount);
  } catch (error) {
    recorder.reportFault(error);
  }
}

function describePool(pool: PgPool): PoolState {
  const { totalCount: total, idleCount: idle, waitingCount: waiting, options } = pool;
  const { host, port, database } = addressOf(options);
  return {
    name: `${host}:${port}/${database}`,
    total,
    idle,
    active: total - idle,
    waiting,
    max: options.max,
  };
}

/** As the options say it; what the driver adds from the environment is not known here. */
function addressOf(options: PgPoolOptions): { host: string; port: string; database: string } {
  const { connectionString } = options;
  const url =
    connectionString !== undefined && URL.canParse(connectionString)
      ? new URL(connectionString)
      : undefined;
  return {
    host: options.host ?? url?.hostname ?? 'localhost',
    port: String(options.port ?? (url?.port || '5432')),
    database: options.database ?? (url?.pathname.slice(1) || 'postgres'),
  };
}

function noteCheckout(
  recorder: Recorder,
  pool: PgPool,
  client: PgClient | undefined,
  startNs: number,
): void {
  notePool(recorder, pool);
  if (client === undefined) return;
  const waitNs = startNs === NO_WAIT ? 0 : Math.max(0, recorder.engine.nowNs() - startNs);
  const checkout = checkouts.get(client);
  if (checkout?.pool === pool) checkout.waitNs = waitNs;
  else checkouts.set(client, { pool, waitNs });
}
