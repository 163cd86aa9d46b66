/**
 * The hook on pg-pool: how long a query waited for a client, how long a client was held, and the
 * scope and the call site that the wait would lose.
 */
import {
  type Context,
  Detour,
  getRecorder,
  type PoolEntry,
  type PoolState,
  type PoolTimes,
  type PoolWait,
  type RecordedQuery,
  type Recorder,
} from '../recorder/index.ts';
import { Stamped } from '../util/stamp.ts';
import { patchOnce, replaceMethod, rootOf, type Undo, unpatch } from './patch.ts';
import { stateOf } from './pg-clients.ts';
import { handOver, Hook, take, takeBack } from './pg-hand-over.ts';
import type {
  PgClient,
  PgConnectCallback,
  PgPending,
  PgPool,
  PgPoolClass,
  PgPoolOptions,
  PgQuery,
} from './pg-types.ts';

/** What is known of a pool. */
interface Watched extends MutableTimes {
  /** Whether anything of the application's runs for each new client. */
  isTelling: boolean;
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

/** Clients that the application holds, or its wrappers: where none is held, no release is looked at. */
let heldCount = 0;

/** In which context those wait to whom a pool tells more on the way, by the pool's callback for them. */
const contexts = new WeakMap<PgConnectCallback, Context>();

/** Hooks the pools of one copy of pg-pool; a second call does nothing. */
export function instrumentPool(Pool: PgPoolClass): void {
  const recorder = getRecorder();
  const root = rootOf(Pool.prototype, 'connect');
  patchOnce(root, () => {
    const released = hookLater(() => patchRelease(root, recorder));
    const served = hookLater(() => patchServing(root, recorder));
    return [
      patchConnect(root, recorder, released.hook, served.hook),
      ...(Object.hasOwn(root, 'query') ? [patchQuery(root, recorder, released.hook)] : []),
      released.undo,
      served.undo,
    ];
  });
}

/** Hooks that most applications never need. */
function hookLater(patch: () => Undo): { hook: () => void; undo: Undo } {
  let undo: Undo | undefined;
  return {
    hook: () => {
      if (undo !== undefined) return;
      undo = () => {};
      try {
        undo = patch();
      } catch (error) {
        // An application may have sealed the driver's classes since.
        getRecorder().reportFault(error);
      }
    },
    undo: () => {
      undo?.();
      undo = () => {};
    },
  };
}

/** Puts the driver's own functions back, identical to what they were. */
export function uninstrumentPool(Pool: PgPoolClass): void {
  unpatch(rootOf(Pool.prototype, 'connect'));
}

/**
 * `pool.query()` asks its client only when the caller's frames and context are gone: the query is
 * noted here, and handed over.
 */
function patchQuery(pools: PgPool, recorder: Recorder, watchReleases: () => void): Undo {
  return replaceMethod(pools, 'query', (original) => {
    return function query(
      this: PgPool,
      config?: unknown,
      values?: unknown,
      callback?: unknown,
    ): unknown {
      const record = ask(recorder, this, config, !callback && typeof values !== 'function', query);
      // By its own name: a variable one is looked up anew each time.
      // oxlint-disable-next-line typescript/unbound-method -- looked at, and not called
      if (record === undefined || !Hook.is(this.connect)) {
        // oxlint-disable-next-line prefer-rest-params -- a list would be made for each query
        const given = arguments as unknown as Parameters<PgPool['query']>;
        if (record === undefined) return original.apply(this, given);
        watchReleases();
        return recorder.runIn(Detour.for(record), () => original.apply(this, given));
      }
      const outer = handOver(record, this);
      try {
        // With its arguments spelled out the engine can compile the driver's function into this one.
        if (arguments.length === 2) return original.call(this, config, values);
        // oxlint-disable-next-line prefer-rest-params -- a list would be made for each query
        return original.apply(this, arguments as unknown as Parameters<PgPool['query']>);
      } finally {
        takeBack(outer);
      }
    };
  });
}

/** @returns undefined where it is the tool's own. */
function ask(
  recorder: Recorder,
  pool: PgPool,
  config: unknown,
  isForPromise: boolean,
  below: unknown,
): RecordedQuery | undefined {
  try {
    const query = typeof config === 'string' ? undefined : (config as Partial<PgQuery> | null);
    const sql = query === undefined ? config : query?.text;
    // The text of a prepared statement that is run by its name is known to its client alone.
    const noted =
      typeof sql === 'string'
        ? recorder.issue(sql, undefined, pool, below)
        : recorder.issue('', undefined, pool);
    if (noted !== undefined) {
      // Who listens to releases is called back too.
      noted.isForPromise =
        isForPromise && typeof query?.submit !== 'function' && !pool.listenerCount?.('release');
    }
    return noted;
  } catch (error) {
    recorder.reportFault(error);
    return undefined;
  }
}

function patchConnect(
  pools: PgPool,
  recorder: Recorder,
  watchReleases: () => void,
  watchServing: () => void,
): Undo {
  /** Calls the driver's function, which takes the callback's place in the queue. */
  const queue = (
    pool: PgPool,
    original: PgPool['connect'],
    watched: Watched | undefined,
    wait: PoolWait | undefined,
    connected: PgConnectCallback,
  ): unknown => {
    const isTold = isTelling(pool, watched, wait !== undefined);
    if (isTold) {
      watchServing();
      contexts.set(connected, recorder.captureContext());
    }
    const { waitingCount } = pool;
    let returned;
    try {
      returned = original.call(pool, connected);
    } catch (error) {
      // The driver refuses the pool's options.
      noteCheckout(recorder, pool, watched, undefined, wait, undefined, false);
      throw error;
    }
    if (isTold && pool.waitingCount > waitingCount) {
      // Where there is a time-out, the pool waits with a callback of its own.
      const pending = pool._pendingQueue?.at(-1);
      if (pending !== undefined) contexts.set(pending.callback, recorder.captureContext());
    }
    if (wait !== undefined) notePool(recorder, pool, watched, wait.startNs);
    return returned;
  };
  return replaceMethod(pools, 'connect', (original) =>
    Hook.mark(function connect(this: PgPool, callback?: PgConnectCallback | null): unknown {
      const query = take(this);
      if (!callback && this.ending) return original.call(this);
      const watched = StampedPool.of(this) ?? watchPool(recorder, this);
      if (query === undefined) watchReleases();
      // A client that lies ready is not waited for.
      const wait =
        this.idleCount > this.waitingCount || this.ending
          ? undefined
          : recorder.beginWait(query?.sql ?? '');
      if (callback) {
        const connected =
          query === undefined
            ? connectedFor(recorder, this, watched, wait, callback)
            : connectedForQuery(recorder, this, watched, wait, query, callback, watchReleases);
        return queue(this, original, watched, wait, connected);
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
      const context = recorder.captureContext();
      const isHeld = isHolding(recorder, context);
      queue(this, original, watched, wait, (error, client) => {
        noteCheckout(recorder, this, watched, client, wait, undefined, isHeld);
        noteDetour(client, context);
        settle(error, client);
      });
      return connected;
    }),
  );
}

/** For a callback of the application's. */
function connectedFor(
  recorder: Recorder,
  pool: PgPool,
  watched: Watched | undefined,
  wait: PoolWait | undefined,
  callback: PgConnectCallback,
): PgConnectCallback {
  const context = recorder.captureContext();
  const isHeld = isHolding(recorder, context);
  return (...result) => {
    const [, client] = result;
    noteCheckout(recorder, pool, watched, client, wait, undefined, isHeld);
    noteDetour(client, context);
    return recorder.runIn(context, callback, ...result);
  };
}

/** For the callback of `pool.query()`, which gives the query to the client and does nothing else. */
function connectedForQuery(
  recorder: Recorder,
  pool: PgPool,
  watched: Watched | undefined,
  wait: PoolWait | undefined,
  query: RecordedQuery,
  callback: PgConnectCallback,
  watchReleases: () => void,
): PgConnectCallback {
  return (error, client, done) => {
    noteCheckout(recorder, pool, watched, client, wait, query, false);
    if (error || client === undefined) {
      return recorder.runIn(recorder.contextOf(query), callback, error, client, done);
    }
    // oxlint-disable-next-line typescript/unbound-method -- looked at, and not called
    if (!Hook.is(client.query)) {
      watchReleases();
      const detour = Detour.for(query);
      const state = stateOf(client);
      state.pool = pool;
      state.waitNs = query.poolWaitNs;
      state.connectNs = query.connectNs ?? 0;
      noteDetour(client, detour);
      return recorder.runIn(detour, callback, error, client, done);
    }
    const outer = handOver(query, client);
    try {
      if (query.isForPromise) return callback(error, client, done);
      stateOf(client).pool = pool;
      return recorder.runIn(recorder.contextOf(query), callback, error, client, done);
    } finally {
      takeBack(outer);
    }
  };
}

/** Whether the client is the application's to hold: neither the tool's nor that of a `pool.query()`. */
function isHolding(recorder: Recorder, context: Context): boolean {
  return !recorder.isUnrecorded() && !(context instanceof Detour);
}

/** The detour is over when the client is given back. */
function noteDetour(client: PgClient | undefined, context: Context): void {
  if (client === undefined || !(context instanceof Detour)) return;
  stateOf(client).detour = context;
  heldCount += 1;
}

/** Whether anything of the application's runs before who waits gets the client. */
function isTelling(pool: PgPool, watched: Watched | undefined, isWaiting: boolean): boolean {
  if (pool.listenerCount === undefined) return false;
  if (pool.listenerCount('acquire') > 0) return true;
  return isWaiting && (watched?.isTelling === true || pool.listenerCount('connect') > 0);
}

/**
 * A pool serves who waits when somebody else gives a client back: what it runs on the way, for who
 * waits, belongs to that one.
 */
function patchServing(pools: PgPool, recorder: Recorder): Undo {
  const serve = <T>(pool: PgPool, { callback }: PgPending, fn: () => T): T => {
    if (contexts.has(callback)) return recorder.runIn(contexts.get(callback), fn);
    // One that nobody waits for, such as to be removed.
    return isTelling(pool, StampedPool.of(pool), true) ? recorder.runIn(undefined, fn) : fn();
  };
  const undoes: Undo[] = [];
  if (pools.newClient !== undefined) {
    undoes.push(
      replaceMethod(pools as Required<PgPool>, 'newClient', (original) => {
        return function newClient(this: PgPool, pending): unknown {
          return serve(this, pending, () => original.call(this, pending));
        };
      }),
    );
  }
  if (pools._acquireClient !== undefined) {
    undoes.push(
      replaceMethod(pools as Required<PgPool>, '_acquireClient', (original) => {
        return function _acquireClient(this: PgPool, client, pending, ...rest): unknown {
          stateOf(client).pool = this;
          return serve(this, pending, () => original.call(this, client, pending, ...rest));
        };
      }),
    );
  }
  return () => {
    for (const undo of undoes) undo();
  };
}

function patchRelease(pools: PgPool, recorder: Recorder): Undo {
  type Release = NonNullable<PgPool['_release']>;
  if (pools._release === undefined) return () => {};
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
  wait: PoolWait | undefined,
  query: RecordedQuery | undefined,
  isHeld: boolean,
): void {
  const waitNs = wait === undefined ? 0 : recorder.endWait(wait, client === undefined);
  // A pool that has clients out is looked at from time to time.
  if (wait !== undefined || !recorder.pools.isLooking) {
    notePool(recorder, pool, watched, recorder.lastBeginNs());
  }
  if (client === undefined) {
    if (watched === undefined || wait === undefined) return;
    watched.timeoutCount += 1;
    noteWait(watched, waitNs, 0);
    return;
  }
  if (watched !== undefined) watched.checkoutCount += 1;
  // `pool.query()` holds a client for as long as its query runs, which is known.
  if (query !== undefined && wait === undefined) return;
  const nowNs = wait === undefined ? recorder.engine.nowNs() : wait.startNs + waitNs;
  const state = stateOf(client);
  // The client may have been opened long before, for one that did not wait for it to the end.
  const isOpened = wait !== undefined && state.openSinceNs >= wait.startNs;
  const connectNs = isOpened ? Math.min(state.openingNs, waitNs) : 0;
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
  if (watched !== undefined && wait !== undefined) noteWait(watched, waitNs, connectNs);
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
  // Nobody has asked it for anything.
  state.waitNs = 0;
  if (state.detour !== undefined) {
    heldCount -= 1;
    state.detour.end();
    state.detour = undefined;
  }
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
      timeoutCount: 0,
      connectCount: 0,
      connectTotalMs: 0,
      connectMaxMs: 0,
      heldCount: 0,
      heldTotalMs: 0,
      heldMaxMs: 0,
      isTelling: isTellingNew(pool),
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

/** By the pool's options, or by a class of its own. */
function isTellingNew({ options, Client }: PgPool): boolean {
  if (options.verify !== undefined || options.onConnect !== undefined) return true;
  const clients = Client?.prototype;
  return clients?.connect !== undefined && rootOf(clients, 'connect').connect !== clients.connect;
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
  const { entry, isTelling: isTold, ...times } = watched;
  void entry;
  void isTold;
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
