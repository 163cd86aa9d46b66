import type { Database } from '../database/index.ts';
import { getRecorder, isDisabled, type RecordedQuery } from '../recorder/index.ts';
import { knownOptions, numberOption } from '../util/options.ts';
import { type PoolLike, poolOf } from './pool-source.ts';
import { cutSql, summarizeParams } from './row-text.ts';
import { SideConnection } from './side-connection.ts';
import {
  createTable,
  type LoggedSlowQuery,
  pruneRows,
  readRecent,
  type SlowQueryRow,
  writeRows,
} from './slow-query-table.ts';
import { SlowQueryWriter, type WriterCounts, type WriterEnvironment } from './slow-query-writer.ts';

export type { LoggedSlowQuery } from './slow-query-table.ts';

/** Options of {@link SlowQueryLog}. */
export interface SlowQueryLogOptions {
  /**
   * Queries that take at least this long are written, in milliseconds. 0 to 86,400,000.
   *
   * @defaultValue 100
   */
  readonly thresholdMs?: number;
  /**
   * About how many rows the table keeps; the oldest go. 1 to 10,000,000.
   *
   * @defaultValue 100000
   */
  readonly maxRows?: number;
}

/** What {@link SlowQueryLog.record} is told of a query. */
export interface SlowQueryDetails {
  /** In milliseconds. */
  readonly durationMs: number;
  /** Only their types and shapes are kept. */
  readonly params?: readonly unknown[] | undefined;
}

/** Options of {@link SlowQueryLog.getRecent}. */
export interface GetRecentOptions {
  /**
   * The most rows, 1 to 10,000.
   *
   * @defaultValue 50
   */
  readonly limit?: number;
}

/** What {@link SlowQueryLog.counts} gives. */
export interface SlowQueryLogCounts extends WriterCounts {
  /** True from a refusal that no second attempt changes, until `ensureTable()`; and when closed. */
  readonly isOff: boolean;
}

const OWNER = 'SlowQueryLog';
const CREATE = { timeoutMs: 30_000, isAwaited: true };
const READ = { timeoutMs: 10_000, isAwaited: true };
const WRITE = { timeoutMs: 5_000, isAwaited: false };
/** Rows between two looks at the table's size. */
const PRUNE_EVERY_ROWS = 1_000;

/**
 * Writes slow queries into the PostgreSQL table `hyper_slow_queries`, over one connection of its
 * own. Statements are normalised and parameters described by type: no value of yours is kept.
 *
 * The application never waits for it and never hears of its failures: what cannot be written
 * waits in memory (1,000 rows at most, the oldest go first), is counted, and one warning is
 * emitted. The table is `UNLOGGED`: fast, and emptied when the server crashes.
 *
 * @example
 * ```ts
 * import { Database } from 'hyperdjango/database';
 * import { SlowQueryLog } from 'hyperdjango/pool';
 *
 * const db = new Database('postgres://localhost/mydb');
 * const slowLog = new SlowQueryLog(db, { thresholdMs: 100 });
 * await slowLog.ensureTable();
 * await slowLog.record('SELECT * FROM orders WHERE id = $1', { durationMs: 234.5, params: [7] });
 * const [newest] = await slowLog.getRecent({ limit: 10 });
 * newest?.paramsSummary; // 'number'
 * await slowLog.close();
 * ```
 */
export class SlowQueryLog {
  /** In milliseconds. */
  readonly thresholdMs: number;
  readonly #maxRows: number;
  readonly #side: SideConnection;
  readonly #writer: SlowQueryWriter;
  readonly #seen = new WeakSet<RecordedQuery>();
  #rowsUntilPrune: number;
  #isClosed = false;

  /**
   * @param db a `Database` or a pool, where the table is. Another server or role than the
   * application's: another one. The log connects as the pool does, and takes no connection from it.
   * @throws {OptionError} where `db` is neither, or an option is unknown or out of its range.
   */
  constructor(
    db: Database | PoolLike,
    options: SlowQueryLogOptions = {},
    /** @internal */ environment: Partial<WriterEnvironment> = {},
  ) {
    const pool = poolOf(OWNER, db);
    knownOptions(OWNER, options, ['thresholdMs', 'maxRows']);
    const { thresholdMs = 100, maxRows = 100_000 } = options;
    this.thresholdMs = numberOption(`${OWNER}.thresholdMs`, thresholdMs, {
      min: 0,
      max: 86_400_000,
    });
    this.#maxRows = numberOption(`${OWNER}.maxRows`, maxRows, {
      min: 1,
      max: 10_000_000,
      integer: true,
    });
    this.#rowsUntilPrune = PRUNE_EVERY_ROWS;
    this.#side = new SideConnection(pool);
    this.#writer = new SlowQueryWriter((rows) => this.#write(rows), environment);
  }

  /**
   * Creates the table and its indexes where they are missing, in the first schema of the search
   * path: `UNLOGGED`, or logged where the server refuses that. Safe to call any number of times,
   * by any number of processes. A log that had turned itself off is on again.
   *
   * A role that may only write needs `INSERT` on the table and `USAGE` on its sequence, and
   * `DELETE` and `SELECT` for `maxRows`.
   *
   * @throws the driver's own error, untouched; {@link HyperDjangoError} `ERR_HYPERDJANGO_CONNECT`
   * where the server gives no answer within 30 s.
   */
  async ensureTable(): Promise<void> {
    if (isDisabled()) return;
    await this.#side.run(createTable, CREATE);
    if (!this.#isClosed) this.#writer.turnOn();
  }

  /**
   * Writes a query that took at least `thresholdMs`. Never throws or rejects.
   *
   * @returns a promise that resolves when the row is written, dropped, or put off as the server
   * does not take it now: after half a second at the latest. There is no need to wait for it.
   */
  async record(sql: string, details: SlowQueryDetails): Promise<void> {
    if (isDisabled()) return;
    try {
      const { durationMs, params } = details;
      numberOption(`${OWNER}.record.durationMs`, durationMs, { min: 0, max: Number.MAX_VALUE });
      if (durationMs < this.thresholdMs) return;
      const { text } = getRecorder().engine.normalizeSql(String(sql));
      await this.#add(text, durationMs, params);
    } catch (error) {
      getRecorder().reportFault(error);
    }
  }

  /**
   * Writes a query that a recorder has seen, once, whoever tells of it.
   *
   * @internal
   */
  recordQuery(query: RecordedQuery): void {
    const durationMs = query.durationNs / 1e6;
    if (durationMs < this.thresholdMs || this.#seen.has(query)) return;
    this.#seen.add(query);
    void this.#add(getRecorder().statementText(query), durationMs, query.values);
  }

  /**
   * The rows of the table, newest first.
   *
   * @throws {OptionError} where an option is unknown or out of its range; the driver's own error,
   * untouched; {@link HyperDjangoError} `ERR_HYPERDJANGO_CONNECT` where there is no answer within
   * 10 s.
   */
  async getRecent(options: GetRecentOptions = {}): Promise<LoggedSlowQuery[]> {
    const option = `${OWNER}.getRecent`;
    knownOptions(option, options, ['limit']);
    const { limit = 50 } = options;
    numberOption(`${option}.limit`, limit, { min: 1, max: 10_000, integer: true });
    return this.#side.run((client) => readRecent(client, limit), READ);
  }

  /** What became of the rows so far. */
  counts(): SlowQueryLogCounts {
    return { ...this.#writer.counts(), isOff: this.#writer.isOff };
  }

  /** Writes what waits, now. Resolves when that is done, or has failed: within half a second. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /**
   * Writes what waits, within half a second, and ends the connection. What is recorded later is
   * dropped. A second call does nothing.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#writer.flush();
    this.#writer.turnOff();
    this.#side.close();
  }

  #add(text: string, durationMs: number, params: readonly unknown[] | undefined): Promise<void> {
    return this.#writer.add({
      sqlText: cutSql(text),
      durationMs,
      paramsSummary: summarizeParams(params),
      endedAtMs: this.#writer.nowMs(),
    });
  }

  async #write(rows: readonly SlowQueryRow[]): Promise<void> {
    await this.#side.run((client) => writeRows(client, rows), WRITE);
    this.#rowsUntilPrune -= rows.length;
    if (this.#rowsUntilPrune > 0) return;
    this.#rowsUntilPrune = PRUNE_EVERY_ROWS;
    // A role without the right to delete can write all the same.
    await this.#side.run((client) => pruneRows(client, this.#maxRows), WRITE).catch(() => {});
  }
}
