import type pg from 'pg';

import type { Database } from '../database/index.ts';
import { OptionError } from '../errors/index.ts';
import { getRecorder, isDisabled, runUnrecorded } from '../recorder/index.ts';
import { knownOptions, numberOption } from '../util/options.ts';
import { type PoolLike, poolOf } from './pool-source.ts';

/** Options of {@link PoolHealthChecker}. */
export interface PoolHealthCheckerOptions {
  /**
   * From one check to the next, in seconds. 0.1 to 86,400.
   *
   * @defaultValue 30
   */
  readonly intervalSeconds?: number;
  /**
   * A connection that gives no answer for this long is dead, in milliseconds. 10 to 60,000.
   *
   * @defaultValue 2000
   */
  readonly probeTimeoutMs?: number;
}

/** What {@link PoolHealthChecker.check} found. */
export interface PoolHealthResult {
  /** Idle connections that were looked at, those in `dead` included. */
  readonly checked: number;
  /** Of these, the dead ones; also those that the pool itself has lost since the last check. */
  readonly dead: number;
  /** Dead ones that are in the pool no more. */
  readonly removed: number;
}

/**
 * What pg-pool does not show: which connections are idle. Taking one through `connect()` would
 * start its idle time anew, count as a use of it, and give us the same one again and again.
 */
interface PoolInside {
  readonly _idle: IdleItem[];
  readonly _clients: readonly pg.PoolClient[];
  _remove(client: pg.PoolClient, done: () => void): void;
  /** Serves callers that wait. */
  _pulseQueue(): void;
}

interface IdleItem {
  readonly client: pg.PoolClient;
}

const OWNER = 'PoolHealthChecker';
const HOLD_TICK_MS = 60_000;
const NOTHING: PoolHealthResult = { checked: 0, dead: 0, removed: 0 };

/**
 * Asks the idle connections of a pool for a sign of life, and removes the dead ones before the
 * application gets one. A firewall that has forgotten a connection, or a failed-over server,
 * leaves connections on which a query would hang.
 *
 * One connection is taken at a time, and none while a caller waits for one.
 *
 * @example
 * ```ts
 * import { Database } from 'hyperdjango/database';
 * import { PoolHealthChecker } from 'hyperdjango/pool';
 *
 * const db = new Database('postgres://localhost/mydb');
 * const checker = new PoolHealthChecker(db, { intervalSeconds: 30 });
 * console.log(await checker.check()); // { checked: 0, dead: 0, removed: 0 }
 * checker.start();
 * // … at shutdown
 * checker.stop();
 * ```
 */
export class PoolHealthChecker {
  readonly #pool: pg.Pool;
  readonly #inside: PoolInside;
  readonly #intervalMs: number;
  readonly #probeTimeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<PoolHealthResult> | undefined;
  /** Connections that the pool has lost by itself since the last check. */
  #lostCount = 0;

  /** @throws {OptionError} where an argument is of another kind, unknown or out of its range. */
  constructor(db: Database | PoolLike, options: PoolHealthCheckerOptions = {}) {
    this.#pool = poolOf(OWNER, db);
    this.#inside = this.#pool as unknown as PoolInside;
    if (!Array.isArray(this.#inside._idle) || !Array.isArray(this.#inside._clients)) {
      throw new OptionError(`new ${OWNER}(db)`, 'a Database or a pg.Pool', 'another kind of pool');
    }
    knownOptions(OWNER, options, ['intervalSeconds', 'probeTimeoutMs']);
    const { intervalSeconds = 30, probeTimeoutMs = 2_000 } = options;
    this.#intervalMs =
      1_000 * numberOption(`${OWNER}.intervalSeconds`, intervalSeconds, { min: 0.1, max: 86_400 });
    this.#probeTimeoutMs = numberOption(`${OWNER}.probeTimeoutMs`, probeTimeoutMs, {
      min: 10,
      max: 60_000,
    });
    // The pool tells of idle connections only, and has removed them when it does.
    this.#pool.on('error', () => (this.#lostCount += 1));
  }

  /**
   * Looks at every connection that is idle now, one after another. A call during a check gives
   * that check's result. Never rejects.
   */
  async check(): Promise<PoolHealthResult> {
    // Idle connections of a pool may not keep the process alive; whoever waits for them does.
    const hold = setInterval(() => {}, HOLD_TICK_MS);
    try {
      return await this.#checkOnce();
    } finally {
      clearInterval(hold);
    }
  }

  /** Checks every `intervalSeconds`; a second call does nothing. */
  start(): void {
    if (this.#timer !== undefined || isDisabled()) return;
    this.#timer = setInterval(() => void this.#checkOnce(), this.#intervalMs).unref();
  }

  /** Ends the periodic checks; a second call does nothing. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #checkOnce(): Promise<PoolHealthResult> {
    if (isDisabled()) return Promise.resolve(NOTHING);
    this.#checking ??= runUnrecorded(() => this.#check()).finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #check(): Promise<PoolHealthResult> {
    let aliveCount = 0;
    let removedCount = 0;
    try {
      for (const item of [...this.#inside._idle]) {
        if (this.#pool.waitingCount > 0 || this.#pool.ending) break;
        const verdict = await this.#probeIdle(item);
        if (verdict === 'alive') aliveCount += 1;
        if (verdict === 'removed') removedCount += 1;
      }
    } catch (error) {
      getRecorder().reportFault(error);
    }
    const dead = removedCount + this.#lostCount;
    this.#lostCount = 0;
    return { checked: aliveCount + dead, dead, removed: dead };
  }

  async #probeIdle(item: IdleItem): Promise<'alive' | 'removed' | 'gone'> {
    const { client } = item;
    const inside = this.#inside;
    const index = inside._idle.indexOf(item);
    // The application has taken it, or the pool has let it go.
    if (index === -1) return 'gone';
    inside._idle.splice(index, 1);
    const isAlive = await this.#probe(client);
    // Its idle time was over meanwhile; or it broke, and the pool has told of that.
    if (!inside._clients.includes(client)) return 'gone';
    if (!isAlive) {
      inside._remove(client, () => inside._pulseQueue());
      return 'removed';
    }
    // Its old place: the pool hands out the last one first.
    inside._idle.splice(Math.min(index, inside._idle.length), 0, item);
    inside._pulseQueue();
    return 'alive';
  }

  async #probe(client: pg.PoolClient): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, this.#probeTimeoutMs, false).unref();
    });
    const answered = client.query('SELECT 1').then(
      () => true,
      () => false,
    );
    const isAlive = await Promise.race([answered, expired]);
    clearTimeout(timer);
    return isAlive;
  }
}
