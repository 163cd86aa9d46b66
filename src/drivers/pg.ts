/**
 * The hook on node-postgres. It sees every query of every client, however it was asked for, and
 * changes nothing that the application could notice: no callback, promise or listener is wrapped
 * or added. A query's life is read off the driver's own `Query` object:
 *
 *   client.query()        the scope is captured, here and only here
 *   query.submit()        the query is handed over to the connection: it begins
 *   handleReadyForQuery() its last result is there: it ends, before the application hears of it
 *   handleError()         it failed: the same
 *
 * `pool.connect()` runs its callback in whatever context released the client, so that a saturated
 * pool books queries on the wrong request; the hook goes back into the caller's scope for it.
 */
import { OUTCOME, type Outcome } from '../engine/engine.ts';
import {
  getRecorder,
  type PoolState,
  type RecordedQuery,
  type Recorder,
} from '../recorder/index.ts';
import type {
  PgClient,
  PgClientClass,
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

/** Puts back what was patched. */
type Undo = () => void;

// State hangs on globals by name: two copies of this package must not hook one driver twice.
const PATCHED: unique symbol = Symbol.for('hyperdjango.pg.patched@0') as never;

const checkouts = new WeakMap<PgClient, Checkout>();
const records = new WeakMap<PgQuery, RecordedQuery>();
/** For cursors and streams, whose methods are hooked one by one and put back at their end. */
const undoes = new WeakMap<PgQuery, Undo[]>();
/** The query that `client.query()` is issuing at this moment, until `submit()` claims it. */
let issuing: RecordedQuery | undefined;

/** Hooks the clients of one copy of the driver; a second call does nothing. */
export function instrumentClient(Client: PgClientClass): void {
  const recorder = getRecorder();
  patchOnce(Client.prototype, () => [
    patchIssue(Client, recorder),
    ...patchLife(Client.Query.prototype, recorder),
  ]);
}

/** Hooks the pools of one copy of pg-pool; a second call does nothing. */
export function instrumentPool(Pool: PgPoolClass): void {
  const recorder = getRecorder();
  const owner = ownerOf(Pool.prototype, 'connect');
  patchOnce(owner, () => [patchConnect(owner, recorder)]);
}

/** Puts the driver's own functions back, identical to what they were. */
export function uninstrumentClient(Client: PgClientClass): void {
  unpatch(Client.prototype);
}

export function uninstrumentPool(Pool: PgPoolClass): void {
  unpatch(ownerOf(Pool.prototype, 'connect'));
}

/** `pg.Pool` inherits its methods from pg-pool's class, which others share. */
function ownerOf<T extends object>(prototype: T, method: keyof T): T {
  let owner = prototype;
  while (!Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner) as T;
  return owner;
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

function patchIssue(Client: PgClientClass, recorder: Recorder): Undo {
  return replaceMethod(Client.prototype, 'query', (original) => {
    return function query(this: PgClient, ...args: Parameters<PgClient['query']>): unknown {
      const outer = issuing;
      const record = issue(recorder, Client, this, args);
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
      if (isUnclaimed) claimQueued(recorder, this, record);
      return result;
    };
  });
}

/** Hooks what the driver calls on a query: on `Query.prototype`, or on one cursor or stream. */
function patchLife(target: PgQuery, recorder: Recorder): Undo[] {
  return [
    replaceMethod(target, 'submit', (original) => {
      return function submit(this: PgQuery, connection: unknown): unknown {
        beginSubmitted(recorder, this);
        return original.call(this, connection);
      };
    }),
    replaceMethod(target, 'handleReadyForQuery', (original) => {
      return function handleReadyForQuery(this: PgQuery, connection: unknown): unknown {
        // After a row that could not be parsed the driver goes on to handleError by itself.
        if (!this._canceledDueToError) end(recorder, this, OUTCOME.ok);
        return original.call(this, connection);
      };
    }),
    replaceMethod(target, 'handleError', (original) => {
      return function handleError(this: PgQuery, error: unknown, connection: unknown): unknown {
        end(recorder, this, OUTCOME.error);
        return original.call(this, error, connection);
      };
    }),
  ];
}

function issue(
  recorder: Recorder,
  Client: PgClientClass,
  client: PgClient,
  [config, values]: Parameters<PgClient['query']>,
): RecordedQuery | undefined {
  try {
    const query = typeof config === 'string' ? undefined : (config as Partial<PgQuery> | null);
    // A stream keeps its text on the cursor that it reads from.
    const sql = query === undefined ? config : (query?.text ?? query?.cursor?.text);
    if (typeof sql !== 'string') return undefined;
    const given = query?.values ?? query?.cursor?.values ?? values;
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
    if (typeof query?.submit === 'function' && query.submit !== Client.Query.prototype.submit) {
      const submittable = query as PgQuery;
      records.set(submittable, record);
      undoes.set(submittable, patchLife(submittable, recorder));
    }
    return record;
  } catch (error) {
    recorder.reportFault(error);
    return undefined;
  }
}

/** The connection was busy: the query waits in the client's queue, or was refused outright. */
function claimQueued(recorder: Recorder, client: PgClient, record: RecordedQuery): void {
  try {
    const queued = (client._queryQueue ?? client.queryQueue)?.at(-1);
    const known = queued && records.get(queued);
    if (known === record) return;
    if (queued?.text === record.sql && known === undefined) {
      records.set(queued, record);
    } else {
      recorder.begin(record);
      recorder.end(record, OUTCOME.error, -1);
    }
  } catch (error) {
    recorder.reportFault(error);
  }
}

function beginSubmitted(recorder: Recorder, query: PgQuery): void {
  try {
    let record = records.get(query);
    if (record === undefined) {
      if (issuing === undefined || issuing.sql !== query.text) return;
      record = issuing;
      records.set(query, record);
    }
    if (issuing === record) issuing = undefined;
    recorder.begin(record);
  } catch (error) {
    recorder.reportFault(error);
  }
}

function end(recorder: Recorder, query: PgQuery, outcome: Outcome): void {
  try {
    const record = records.get(query);
    if (record === undefined) return;
    records.delete(query);
    for (const undo of undoes.get(query) ?? []) undo();
    // A connection that was lost fails what still waits in the client's queue too.
    if (record.startNs === 0) recorder.begin(record);
    recorder.end(record, outcome, outcome === OUTCOME.ok ? rowCountOf(query) : -1);
  } catch (error) {
    recorder.reportFault(error);
  }
}

/** Of several statements in one text, the last one's. */
function rowCountOf({ _results: results }: PgQuery): number {
  const last = Array.isArray(results) ? results.at(-1) : results;
  return last?.rowCount ?? -1;
}

function patchConnect(owner: PgPool, recorder: Recorder): Undo {
  return replaceMethod(owner, 'connect', (original) => {
    return function connect(this: PgPool, callback?: PgConnectCallback): unknown {
      if (callback === undefined && this.ending) return original.call(this);
      watchPool(recorder, this);
      const context = recorder.captureContext();
      const startNs = recorder.engine.nowNs();
      if (callback !== undefined) {
        return original.call(this, (error, client, done) => {
          noteCheckout(recorder, this, client, startNs);
          return recorder.runIn(context, () => callback(error, client, done));
        });
      }
      // The driver's own promise form, so that failing takes as many ticks as it does without us.
      return new this.Promise((resolve, reject) => {
        original.call(this, (error, client) => {
          noteCheckout(recorder, this, client, startNs);
          if (error) reject(error);
          else resolve(client);
        });
      }).catch((error: Error) => {
        Error.captureStackTrace(error);
        throw error;
      });
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
  if (client === undefined) return;
  checkouts.set(client, { pool, waitNs: Math.max(0, recorder.engine.nowNs() - startNs) });
}
