/**
 * Takes rows without waiting, holds a bounded number of them, and writes them in batches in the
 * background. A server that cannot take them now is tried again, ever less often; one that never
 * will is left alone.
 */
import { codeOf, type SlowQueryRow } from './slow-query-table.ts';

export const QUEUE_ROWS_MAX = 1_000;
export const BATCH_ROWS_MAX = 100;
/** How long rows that wait may keep a process from its end, and a caller from its result. */
export const HOLD_MS = 500;

const BACK_OFF_FIRST_MS = 1_000;
const BACK_OFF_MAX_MS = 60_000;
const WARNING_PERIOD_MS = 600_000;

/** Without such a table, or without rights on it, the next attempt ends like this one. */
const HOPELESS_CODES: ReadonlySet<string> = new Set([
  '42P01', // undefined_table
  '42501', // insufficient_privilege
  '42703', // undefined_column
  '3F000', // invalid_schema_name
]);
/** The rows themselves are refused. */
const BAD_ROWS = /^(?:0A|22|23|42|54)/;

export type PendingRow = Omit<SlowQueryRow, 'ageMs'> & {
  /** By {@link WriterEnvironment.nowMs}. */
  readonly endedAtMs: number;
};

interface QueuedRow {
  readonly row: PendingRow;
  readonly settle: () => void;
}

/** What tests put in the place of clock, timer, chance and standard error. */
export interface WriterEnvironment {
  /** Monotonic. */
  nowMs(): number;
  /** Does not keep the process alive. @returns what cancels it. */
  startTimer(fn: () => void, delayMs: number): () => void;
  /** From 0 to 1. */
  random(): number;
  warn(message: string): void;
}

export interface WriterCounts {
  /** Rows that are in the table. */
  readonly written: number;
  /** Rows that are lost: overflow, refused by the server, or recorded while the log is off. */
  readonly dropped: number;
  /** Rows that wait. */
  readonly pending: number;
  /** Batches that the server did not take. */
  readonly failedWrites: number;
}

const ENVIRONMENT: WriterEnvironment = {
  nowMs: () => performance.now(),
  startTimer(fn, delayMs) {
    const timer = setTimeout(fn, delayMs).unref();
    return () => clearTimeout(timer);
  },
  random: Math.random,
  warn(message) {
    process.emitWarning(message, {
      type: 'HyperDjangoWarning',
      code: 'HYPERDJANGO_SLOW_QUERY_LOG',
    });
  },
};

export class SlowQueryWriter {
  readonly #write: (rows: readonly SlowQueryRow[]) => Promise<void>;
  readonly #environment: WriterEnvironment;
  #queue: QueuedRow[] = [];
  #writing: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #isOff = false;
  #failuresInARow = 0;
  #warnedAtMs = -Infinity;
  #written = 0;
  #dropped = 0;
  #inWriting = 0;
  #failedWrites = 0;

  /** @param write writes all rows or none. */
  constructor(
    write: (rows: readonly SlowQueryRow[]) => Promise<void>,
    environment: Partial<WriterEnvironment> = {},
  ) {
    this.#write = write;
    this.#environment = { ...ENVIRONMENT, ...environment };
  }

  /** Whether rows are dropped at once, until {@link SlowQueryWriter.turnOn}. */
  get isOff(): boolean {
    return this.#isOff;
  }

  nowMs(): number {
    return this.#environment.nowMs();
  }

  /** Resolves when the row is written, dropped, or put off; within {@link HOLD_MS}. */
  add(row: PendingRow): Promise<void> {
    if (this.#isOff) {
      this.#dropped += 1;
      return Promise.resolve();
    }
    return new Promise((settle) => {
      this.#queue.push({ row, settle });
      this.#dropOverflow();
      if (this.#cancelRetry === undefined) void this.#start();
      else settle();
    });
  }

  /** Tries to write what waits, now. Resolves when that is done or put off, within `HOLD_MS`. */
  async flush(): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    let limit: NodeJS.Timeout | undefined;
    const expired = new Promise<void>((resolve) => (limit = setTimeout(resolve, HOLD_MS)));
    await Promise.race([this.#start(), expired]);
    clearTimeout(limit);
  }

  turnOn(): void {
    this.#isOff = false;
    this.#failuresInARow = 0;
  }

  /** Drops what waits, and all that comes. */
  turnOff(): void {
    this.#isOff = true;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#drop(this.#queue.splice(0));
  }

  counts(): WriterCounts {
    return {
      written: this.#written,
      dropped: this.#dropped,
      pending: this.#queue.length + this.#inWriting,
      failedWrites: this.#failedWrites,
    };
  }

  #start(): Promise<void> {
    this.#writing ??= this.#writeAll();
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    // Rows of the same tick go in one batch.
    await Promise.resolve();
    while (this.#queue.length > 0 && this.#cancelRetry === undefined) {
      await this.#writeBatch(this.#queue.splice(0, BATCH_ROWS_MAX));
    }
    // At once, or a row that came after the last look at the queue would wait for the next one.
    this.#writing = undefined;
  }

  async #writeBatch(batch: QueuedRow[]): Promise<void> {
    // Not unref'd: rows that wait are given this much time before the process ends.
    const hold = setTimeout(() => settleAll([...batch, ...this.#queue]), HOLD_MS);
    this.#inWriting = batch.length;
    try {
      const nowMs = this.nowMs();
      await this.#write(
        batch.map(({ row: { endedAtMs, ...row } }) => ({ ...row, ageMs: nowMs - endedAtMs })),
      );
      this.#written += batch.length;
      this.#failuresInARow = 0;
    } catch (error) {
      this.#failedWrites += 1;
      this.#takeBack(batch, error);
    } finally {
      this.#inWriting = 0;
      clearTimeout(hold);
      settleAll(batch);
    }
  }

  #takeBack(batch: QueuedRow[], error: unknown): void {
    const code = codeOf(error);
    if (this.#isOff) {
      this.#drop(batch);
    } else if (code !== undefined && HOPELESS_CODES.has(code)) {
      this.#drop(batch);
      this.turnOff();
      this.#environment.warn(
        `the slow-query log is off, as its table is missing or not ours to write (${code}): ` +
          'ensureTable() turns it on again. The application is unaffected.',
      );
    } else if (code !== undefined && BAD_ROWS.test(code)) {
      this.#drop(batch);
      this.#warn(`could not write ${batch.length} rows and dropped them (${code})`);
    } else {
      this.#queue = [...batch, ...this.#queue];
      this.#dropOverflow();
      settleAll(this.#queue);
      this.#retryLater();
      this.#warn(`cannot write now and tries again later (${code ?? nameOf(error)})`);
    }
  }

  #retryLater(): void {
    const ceilingMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** this.#failuresInARow);
    this.#failuresInARow += 1;
    // Half of it by chance, so that all processes of an application do not come back at once.
    const delayMs = (ceilingMs / 2) * (1 + this.#environment.random());
    this.#cancelRetry = this.#environment.startTimer(() => {
      this.#cancelRetry = undefined;
      void this.#start();
    }, delayMs);
  }

  #dropOverflow(): void {
    const overflow = this.#queue.length - QUEUE_ROWS_MAX;
    if (overflow <= 0) return;
    this.#drop(this.#queue.splice(0, overflow));
    this.#warn('has more rows waiting than it holds and drops the oldest');
  }

  #drop(rows: readonly QueuedRow[]): void {
    this.#dropped += rows.length;
    settleAll(rows);
  }

  /** At most one in ten minutes. */
  #warn(what: string): void {
    const nowMs = this.nowMs();
    if (nowMs - this.#warnedAtMs < WARNING_PERIOD_MS) return;
    this.#warnedAtMs = nowMs;
    this.#environment.warn(
      `the slow-query log ${what}; ${this.#dropped} rows dropped so far. ` +
        'The application is unaffected.',
    );
  }
}

function settleAll(rows: readonly QueuedRow[]): void {
  for (const { settle } of rows) settle();
}

/** The code of a system's error, such as ECONNREFUSED; never a message, which may quote. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  if (first !== undefined) return nameOf(first);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
