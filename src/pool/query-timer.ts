import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import type { Database } from '../database/index.ts';
import { OptionError } from '../errors/index.ts';
import { getRecorder, isDisabled, type RecordedQuery } from '../recorder/index.ts';
import { describeValue, knownOptions, numberOption } from '../util/options.ts';
import { type PoolLike, poolOf } from './pool-source.ts';
import { SlowQueryLog } from './slow-query-log.ts';

/** Options of {@link QueryTimer}. */
export interface QueryTimerOptions {
  /**
   * Where slow queries go. Its own threshold holds too.
   *
   * @defaultValue undefined: nowhere.
   */
  readonly slowLog?: SlowQueryLog | undefined;
  /**
   * Queries that take at least this long are slow, in milliseconds. 0 to 86,400,000.
   *
   * @defaultValue 100
   */
  readonly thresholdMs?: number;
}

/** Options of {@link QueryTimer.drain}. */
export interface DrainOptions {
  /**
   * The longest wait, in seconds; 0 looks once. 0 to 86,400.
   *
   * @defaultValue 30
   */
  readonly timeoutSeconds?: number;
}

const OWNER = 'QueryTimer';
const DRAIN_LOOK_MS = 10;

/**
 * Sends each slow query of a `Database`, or of a pool, to a {@link SlowQueryLog}. It listens to the recorder and
 * wraps nothing: queries in transactions, from the pool underneath and from an ORM on it are
 * timed too, and each goes to the log once, however many timers look.
 *
 * @example
 * ```ts
 * import { Database } from 'hyperdjango/database';
 * import { QueryTimer, SlowQueryLog } from 'hyperdjango/pool';
 *
 * const db = new Database('postgres://localhost/mydb');
 * const slowLog = new SlowQueryLog(db, { thresholdMs: 100 });
 * await slowLog.ensureTable();
 * const timer = new QueryTimer(db, { slowLog, thresholdMs: 100 });
 * timer.install();
 * // … at shutdown
 * if (!(await timer.drain({ timeoutSeconds: 30 }))) console.warn('queries are still running');
 * ```
 */
export class QueryTimer {
  /** In milliseconds. */
  readonly thresholdMs: number;
  readonly #pool: pg.Pool;
  readonly #slowLog: SlowQueryLog | undefined;
  readonly #running = new Set<RecordedQuery>();
  #unsubscribe: (() => void) | undefined;

  /** @throws {OptionError} where an argument is of another kind, unknown or out of its range. */
  constructor(db: Database | PoolLike, options: QueryTimerOptions = {}) {
    this.#pool = poolOf(OWNER, db);
    knownOptions(OWNER, options, ['slowLog', 'thresholdMs']);
    const { slowLog, thresholdMs = 100 } = options;
    if (slowLog !== undefined && !(slowLog instanceof SlowQueryLog)) {
      throw new OptionError(`${OWNER}.slowLog`, 'a SlowQueryLog', describeValue(slowLog));
    }
    this.thresholdMs = numberOption(`${OWNER}.thresholdMs`, thresholdMs, {
      min: 0,
      max: 86_400_000,
    });
    this.#slowLog = slowLog;
  }

  /** Begins to time; a second call does nothing. */
  install(): void {
    if (isDisabled()) return;
    this.#unsubscribe ??= getRecorder().subscribe({
      onQueryBegan: (query) => {
        if (query.source === this.#pool) this.#running.add(query);
      },
      onQueryEnded: (query) => {
        if (query.source !== this.#pool) return;
        this.#running.delete(query);
        if (query.durationNs / 1e6 >= this.thresholdMs) this.#slowLog?.recordQuery(query);
      },
    });
  }

  /** Ends the timing; a second call does nothing. */
  uninstall(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#running.clear();
  }

  /**
   * Waits until nothing of the database is in flight: no query runs, no caller waits for a
   * connection, and none is checked out, as its holder may be between two statements of a
   * transaction. What the log still holds is then written. New queries are not refused.
   *
   * @returns false where something was still in flight after `timeoutSeconds`.
   * @throws {OptionError} where an option is unknown or out of its range.
   */
  async drain(options: DrainOptions = {}): Promise<boolean> {
    const option = `${OWNER}.drain`;
    knownOptions(option, options, ['timeoutSeconds']);
    const { timeoutSeconds = 30 } = options;
    numberOption(`${option}.timeoutSeconds`, timeoutSeconds, { min: 0, max: 86_400 });
    const deadlineMs = performance.now() + timeoutSeconds * 1_000;
    let isIdle = this.#isIdle();
    while (!isIdle && performance.now() < deadlineMs) {
      await delay(Math.min(DRAIN_LOOK_MS, Math.max(1, deadlineMs - performance.now())));
      isIdle = this.#isIdle();
    }
    await this.#slowLog?.flush();
    return isIdle;
  }

  #isIdle(): boolean {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return totalCount === idleCount && waitingCount === 0 && this.#running.size === 0;
  }
}
