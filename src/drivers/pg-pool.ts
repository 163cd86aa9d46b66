/**
 * The hook on pg-pool: how long a query waited for a client, how long a client was held, and the
 * scope and the call site that the wait would lose.
 */
import {
  type CapturedStack,
  type Context,
  getRecorder,
  NO_STACK,
  type PoolState,
  type PoolTimes,
  type Recorder,
} from '../recorder/index.ts';
import { Stamped } from '../util/stamp.ts';
import { patchOnce, replaceMethod, rootOf, type Undo, unpatch } from './patch.ts';
import { stateOf } from './pg-clients.ts';
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

type Times = { -readonly [K in keyof PoolTimes]: number };

/** A pool, with what it has taken. */
class StampedPool extends Stamped {
  #times: Times | undefined;

  static of(target: PgPool): Times | undefined {
    return #times in target ? (target as StampedPool).#times : undefined;
  }

  static put(target: PgPool, times: Times | undefined): void {
    if (#times in target) (target as StampedPool).#times = times;
    else new StampedPool(target).#times = times;
  }
}

/** Of the `pool.query()` that is calling `connect()` at this moment. */
let pendingStack: CapturedStack | undefined;
let pendingContext: Context;
let isPendingForPromise = false;

/** Hooks the pools of one copy of pg-pool; a second call does nothing. */
export function instrumentPool(Pool: PgPoolClass): void {
  const recorder = getRecorder();
  const root = rootOf(Pool.prototype, 'connect');
  patchOnce(root, () => [
    patchConnect(root, recorder),
    ...(Object.hasOwn(root, 'query') ? [patchQuery(root, recorder)] : []),
    ...(root._release === undefined ? [] : [patchRelease(root, recorder)]),
  ]);
}

/** Puts the driver's own functions back, identical to what they were. */
export function uninstrumentPool(Pool: PgPoolClass): void {
  unpatch(rootOf(Pool.prototype, 'connect'));
}

/** `pool.query()` asks its client only when the caller's frames are gone. */
function patchQuery(pools: PgPool, recorder: Recorder): Undo {
  return replaceMethod(pools, 'query', (original) => {
    return function query(this: PgPool, ...args: Parameters<PgPool['query']>): unknown {
      const outerStack = pendingStack;
      const outerContext = pendingContext;
      const wasForPromise = isPendingForPromise;
      pendingContext = recorder.captureContext();
      pendingStack = takeStack(recorder, args[0], query, pendingContext);
      isPendingForPromise = !args[2] && typeof args[1] !== 'function' && !isSubmittable(args[0]);
      try {
        return original.apply(this, args);
      } finally {
        pendingStack = outerStack;
        pendingContext = outerContext;
        isPendingForPromise = wasForPromise;
      }
    };
  });
}

function isSubmittable(config: unknown): boolean {
  return (
    typeof config === 'object' &&
    config !== null &&
    typeof (config as Partial<PgQuery>).submit === 'function'
  );
}

function takeStack(
  recorder: Recorder,
  config: unknown,
  below: unknown,
  context: Context,
): CapturedStack {
  try {
    const sql = typeof config === 'string' ? config : (config as { text?: unknown } | null)?.text;
    return typeof sql === 'string' ? recorder.takeStack(sql, below, context) : NO_STACK;
  } catch (error) {
    recorder.reportFault(error);
    return NO_STACK;
  }
}

function patchConnect(pools: PgPool, recorder: Recorder): Undo {
  return replaceMethod(pools, 'connect', (original) => {
    return function connect(this: PgPool, callback?: PgConnectCallback | null): unknown {
      if (!callback && this.ending) return original.call(this);
      const stack = pendingStack;
      pendingStack = undefined;
      const isForPromise = isPendingForPromise;
      const context = stack === undefined ? recorder.captureContext() : pendingContext;
      watchPool(recorder, this);
      // A client that lies ready is not waited for.
      const startNs = this.idleCount > this.waitingCount ? NO_WAIT : recorder.engine.nowNs();
      if (callback) {
        const connected: PgConnectCallback =
          stack !== undefined && isForPromise
            ? // The pool's own callback, which hands its query to the client.
              (error, client, done) => {
                noteCheckout(recorder, this, client, startNs, false);
                return recorder.issueIn(context, stack, callback, error, client, done);
              }
            : (...result) => {
                noteCheckout(recorder, this, result[1], startNs, stack === undefined);
                return recorder.runIn(context, () =>
                  stack === undefined || result[0]
                    ? callback(...result)
                    : recorder.runWithStack(stack, () => callback(...result)),
                );
              };
        const returned = original.call(this, connected);
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
        noteCheckout(recorder, this, client, startNs, true);
        settle(error, client);
      });
      if (startNs !== NO_WAIT) notePool(recorder, this);
      return connected;
    };
  });
}

function patchRelease(pools: PgPool, recorder: Recorder): Undo {
  type Release = NonNullable<PgPool['_release']>;
  return replaceMethod(pools as Required<PgPool>, '_release', (original) => {
    return function _release(this: PgPool, ...args: Parameters<Release>): unknown {
      noteRelease(recorder, this, args[0]);
      return original.apply(this, args);
    };
  });
}

function noteCheckout(
  recorder: Recorder,
  pool: PgPool,
  client: PgClient | undefined,
  startNs: number,
  isHeld: boolean,
): void {
  notePool(recorder, pool);
  if (client === undefined) return;
  const nowNs = isHeld || startNs !== NO_WAIT ? recorder.engine.nowNs() : 0;
  const waitNs = startNs === NO_WAIT ? 0 : Math.max(0, nowNs - startNs);
  const state = stateOf(client);
  state.pool = pool;
  state.waitNs = waitNs;
  state.connectNs = Math.min(state.openedNs, waitNs);
  state.openedNs = 0;
  // `pool.query()` holds a client for as long as its query runs, which is known.
  state.heldSinceNs = isHeld ? nowNs : 0;
  const times = StampedPool.of(pool);
  if (times === undefined) return;
  times.checkoutCount += 1;
  if (waitNs === 0) return;
  times.waitTotalMs += waitNs / 1e6;
  times.waitMaxMs = Math.max(times.waitMaxMs, waitNs / 1e6);
  if (state.connectNs === 0) return;
  times.connectCount += 1;
  times.connectTotalMs += state.connectNs / 1e6;
  times.connectMaxMs = Math.max(times.connectMaxMs, state.connectNs / 1e6);
}

function noteRelease(recorder: Recorder, pool: PgPool, client: PgClient): void {
  const state = stateOf(client);
  if (state.heldSinceNs === 0) return;
  const times = StampedPool.of(pool);
  if (times === undefined) return;
  const heldMs = Math.max(0, recorder.engine.nowNs() - state.heldSinceNs) / 1e6;
  state.heldSinceNs = 0;
  times.heldCount += 1;
  times.heldTotalMs += heldMs;
  times.heldMaxMs = Math.max(times.heldMaxMs, heldMs);
}

function watchPool(recorder: Recorder, pool: PgPool): void {
  try {
    if (StampedPool.of(pool) !== undefined || recorder.isUnrecorded()) return;
    StampedPool.put(pool, {
      checkoutCount: 0,
      waitTotalMs: 0,
      waitMaxMs: 0,
      connectCount: 0,
      connectTotalMs: 0,
      connectMaxMs: 0,
      heldCount: 0,
      heldTotalMs: 0,
      heldMaxMs: 0,
    });
    recorder.pools.add(pool, describePool);
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
  const times = StampedPool.of(pool);
  return {
    name: nameOf(options),
    total,
    idle,
    active: total - idle,
    waiting,
    max: options.max,
    ...(times && { times: { ...times } }),
  };
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
