/**
 * The hook on pg-pool: how long a query waited for a client, how long a client was held, and the
 * scope and the call site that the wait would lose.
 */
import {
  getRecorder,
  type PoolEntry,
  type PoolState,
  type PoolTimes,
  type RecordedQuery,
  type Recorder,
} from '../recorder/index.ts';
import { Stamped } from '../util/stamp.ts';
import { patchOnce, replaceMethod, rootOf, type Undo, unpatch } from './patch.ts';
import { handOver, stateOf } from './pg-clients.ts';
import type {
  PgClient,
  PgConnectCallback,
  PgPool,
  PgPoolClass,
  PgPoolOptions,
  PgQuery,
} from './pg-types.ts';

/** Instead of the time at which a client was asked for. */
const NO_WAIT = -1;

/** What is known of a pool. */
interface Watched extends MutableTimes {
  /** Undefined where the registry has no place. */
  entry: PoolEntry | undefined;
}

type MutableTimes = { -readonly [K in keyof PoolTimes]: number };

/** A pool, with what it has taken. */
class StampedPool extends Stamped {
  #watched: Watched | undefined;

  static of(target: PgPool): Watched | undefined {
    // Asked for each query: to ask first whether the field is there would cost as much again.
    try {
      return (target as unknown as StampedPool).#watched;
    } catch {
      return undefined;
    }
  }

  static put(target: PgPool, watched: Watched): void {
    new StampedPool(target).#watched = watched;
  }
}

/**
 * What the `pool.query()` that is calling `connect()` at this moment was asked for. Its record is
 * made there: to note what is so young in a variable of a module is dear.
 */
let isAsking = false;
let askedConfig: unknown;
let isAskedForPromise = false;
/** The hook itself: the stack is looked at below it. */
let askedBy: unknown;

/** Clients that the application holds: where it holds none, no release is looked at. */
let heldCount = 0;

/** Hooks the pools of one copy of pg-pool; a second call does nothing. */
export function instrumentPool(Pool: PgPoolClass): void {
  const recorder = getRecorder();
  const root = rootOf(Pool.prototype, 'connect');
  patchOnce(root, () => {
    // Hooked when the application first takes a client itself: most use `pool.query()` alone.
    let undoRelease: Undo | undefined;
    const watchReleases = (): void => {
      if (undoRelease !== undefined) return;
      undoRelease = () => {};
      try {
        if (root._release !== undefined) undoRelease = patchRelease(root, recorder);
      } catch (error) {
        // An application may have sealed the driver's classes since.
        recorder.reportFault(error);
      }
    };
    return [
      patchConnect(root, recorder, watchReleases),
      ...(Object.hasOwn(root, 'query') ? [patchQuery(root)] : []),
      () => {
        undoRelease?.();
        undoRelease = () => {};
      },
    ];
  });
}

/** Puts the driver's own functions back, identical to what they were. */
export function uninstrumentPool(Pool: PgPoolClass): void {
  unpatch(rootOf(Pool.prototype, 'connect'));
}

/**
 * `pool.query()` asks its client only when the caller's frames and context are gone: the query is
 * noted here, and handed on to the client.
 */
function patchQuery(pools: PgPool): Undo {
  return replaceMethod(pools, 'query', (original) => {
    return function query(
      this: PgPool,
      config?: unknown,
      values?: unknown,
      callback?: unknown,
    ): unknown {
      isAsking = true;
      askedConfig = config;
      isAskedForPromise = !callback && typeof values !== 'function';
      askedBy = query;
      try {
        // With its arguments spelled out the engine can compile the driver's function into this one.
        if (arguments.length === 2) return original.call(this, config, values);
        // oxlint-disable-next-line prefer-rest-params -- a list would be made for each query
        return original.apply(this, arguments as unknown as Parameters<PgPool['query']>);
      } finally {
        isAsking = false;
        askedConfig = undefined;
      }
    };
  });
}

function ask(recorder: Recorder, pool: PgPool): RecordedQuery | undefined {
  const config = askedConfig;
  try {
    const query = typeof config === 'string' ? undefined : (config as Partial<PgQuery> | null);
    const sql = query === undefined ? config : query?.text;
    // The text of a prepared statement that is run by its name is known to its client alone.
    const noted =
      typeof sql === 'string'
        ? recorder.issue(sql, undefined, pool, askedBy)
        : recorder.issue('', undefined, pool);
    if (noted !== undefined) {
      noted.isForPromise = isAskedForPromise && typeof query?.submit !== 'function';
    }
    return noted;
  } catch (error) {
    recorder.reportFault(error);
    return undefined;
  }
}

function patchConnect(pools: PgPool, recorder: Recorder, watchReleases: () => void): Undo {
  return replaceMethod(pools, 'connect', (original) => {
    return function connect(this: PgPool, callback?: PgConnectCallback | null): unknown {
      if (!callback && this.ending) return original.call(this);
      const query = isAsking ? ask(recorder, this) : undefined;
      const isOfApplication = !isAsking;
      isAsking = false;
      const watched = StampedPool.of(this) ?? watchPool(recorder, this);
      if (isOfApplication) watchReleases();
      // A client that lies ready is not waited for.
      const startNs = this.idleCount > this.waitingCount ? NO_WAIT : recorder.engine.nowNs();
      if (callback) {
        const connected: PgConnectCallback =
          query === undefined
            ? connectedFor(recorder, this, watched, startNs, callback)
            : (error, client, done) => {
                noteCheckout(recorder, this, watched, client, startNs, query, false);
                if (error) {
                  return recorder.runIn(recorder.contextOf(query), callback, error, client, done);
                }
                handOver(query);
                try {
                  return query.isForPromise
                    ? callback(error, client, done)
                    : recorder.runIn(recorder.contextOf(query), callback, error, client, done);
                } finally {
                  handOver(undefined);
                }
              };
        const returned = original.call(this, connected);
        if (startNs !== NO_WAIT) notePool(recorder, this, watched, startNs);
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
      const isHeld = !recorder.isUnrecorded();
      original.call(this, (error, client) => {
        noteCheckout(recorder, this, watched, client, startNs, undefined, isHeld);
        settle(error, client);
      });
      if (startNs !== NO_WAIT) notePool(recorder, this, watched, startNs);
      return connected;
    };
  });
}

/** For a callback of the application's. */
function connectedFor(
  recorder: Recorder,
  pool: PgPool,
  watched: Watched | undefined,
  startNs: number,
  callback: PgConnectCallback,
): PgConnectCallback {
  const context = recorder.captureContext();
  const isHeld = !recorder.isUnrecorded();
  return (...result) => {
    noteCheckout(recorder, pool, watched, result[1], startNs, undefined, isHeld);
    return recorder.runIn(context, callback, ...result);
  };
}

function patchRelease(pools: PgPool, recorder: Recorder): Undo {
  type Release = NonNullable<PgPool['_release']>;
  return replaceMethod(pools as Required<PgPool>, '_release', (original) => {
    return function _release(this: PgPool, ...args: Parameters<Release>): unknown {
      if (heldCount > 0) noteRelease(recorder, this, args[0]);
      return args.length === 3
        ? original.call(this, args[0], args[1], args[2])
        : original.apply(this, args);
    };
  });
}

/**
 * @param query for which it is; undefined where the client is taken for as long as somebody likes.
 * @param isHeld whether that is the application: what the tool itself takes is not counted.
 */
function noteCheckout(
  recorder: Recorder,
  pool: PgPool,
  watched: Watched | undefined,
  client: PgClient | undefined,
  startNs: number,
  query: RecordedQuery | undefined,
  isHeld: boolean,
): void {
  const isWaited = startNs !== NO_WAIT;
  // A pool that has clients out is looked at from time to time.
  if (isWaited || !recorder.pools.isLooking) {
    notePool(recorder, pool, watched, recorder.lastBeginNs());
  }
  if (client === undefined) return;
  if (watched !== undefined) watched.checkoutCount += 1;
  // `pool.query()` holds a client for as long as its query runs, which is known.
  if (query !== undefined && !isWaited) return;
  const nowNs = recorder.engine.nowNs();
  const state = stateOf(client);
  const waitNs = isWaited ? Math.max(0, nowNs - startNs) : 0;
  // The client may have been opened long before, for one that did not wait for it to the end.
  const connectNs = state.openSinceNs < startNs ? 0 : Math.min(state.openingNs, waitNs);
  state.openingNs = 0;
  if (query === undefined) {
    state.pool = pool;
    state.waitNs = waitNs;
    state.connectNs = connectNs;
    if (isHeld) {
      heldCount += 1;
      state.heldSinceNs = nowNs;
    }
  } else {
    query.poolWaitNs = waitNs;
    if (connectNs > 0) query.connectNs = connectNs;
  }
  if (watched !== undefined && isWaited) noteWait(watched, waitNs, connectNs);
}

function noteWait(times: MutableTimes, waitNs: number, connectNs: number): void {
  times.waitTotalMs += waitNs / 1e6;
  times.waitMaxMs = Math.max(times.waitMaxMs, waitNs / 1e6);
  if (connectNs === 0) return;
  times.connectCount += 1;
  times.connectTotalMs += connectNs / 1e6;
  times.connectMaxMs = Math.max(times.connectMaxMs, connectNs / 1e6);
}

function noteRelease(recorder: Recorder, pool: PgPool, client: PgClient): void {
  const state = stateOf(client);
  if (state.heldSinceNs === 0) return;
  heldCount -= 1;
  const heldMs = Math.max(0, recorder.engine.nowNs() - state.heldSinceNs) / 1e6;
  state.heldSinceNs = 0;
  const times = StampedPool.of(pool);
  if (times === undefined) return;
  times.heldCount += 1;
  times.heldTotalMs += heldMs;
  times.heldMaxMs = Math.max(times.heldMaxMs, heldMs);
}

function watchPool(recorder: Recorder, pool: PgPool): Watched | undefined {
  try {
    if (recorder.isUnrecorded()) return undefined;
    const watched: Watched = {
      checkoutCount: 0,
      waitTotalMs: 0,
      waitMaxMs: 0,
      connectCount: 0,
      connectTotalMs: 0,
      connectMaxMs: 0,
      heldCount: 0,
      heldTotalMs: 0,
      heldMaxMs: 0,
      entry: undefined,
    };
    StampedPool.put(pool, watched);
    watched.entry = recorder.pools.add(pool, describePool);
    return watched;
  } catch (error) {
    recorder.reportFault(error);
    return undefined;
  }
}

function notePool(
  recorder: Recorder,
  pool: PgPool,
  watched: Watched | undefined,
  nowNs: number,
): void {
  try {
    watched?.entry?.note(pool.waitingCount, nowNs);
  } catch (error) {
    recorder.reportFault(error);
  }
}

function describePool(pool: PgPool): PoolState {
  const { totalCount: total, idleCount: idle, waitingCount: waiting, options } = pool;
  const watched = StampedPool.of(pool);
  return {
    name: nameOf(options),
    total,
    idle,
    active: total - idle,
    waiting,
    max: options.max,
    ...(watched && { times: timesOf(watched) }),
  };
}

function timesOf(watched: Watched): PoolTimes {
  const { entry, ...times } = watched;
  void entry;
  return times;
}

/** By the options of their pools, which are read once. */
const names = new WeakMap<PgPoolOptions, string>();

/** As the options say it; what the driver adds from the environment is not known here. */
function nameOf(options: PgPoolOptions): string {
  const known = names.get(options);
  if (known !== undefined) return known;
  const { connectionString } = options;
  const url =
    connectionString !== undefined && URL.canParse(connectionString)
      ? new URL(connectionString)
      : undefined;
  const host = options.host ?? url?.hostname ?? 'localhost';
  const port = String(options.port ?? (url?.port || '5432'));
  const database = options.database ?? (url?.pathname.slice(1) || 'postgres');
  const name = `${host}:${port}/${database}`;
  names.set(options, name);
  return name;
}
