/**
 * The hook on postgres.js, on the prototype that all queries of one copy share:
 *
 *   strings =  while a query is made: the caller's frames are there, and are gone later
 *   handle()   the query is asked for: the scope is captured, here and only here
 *   string =   the text is built and about to be written: the query begins
 *   resolve(), reject()  its last result is there: it ends, before the application hears of it
 *
 * The driver sets `strings` and `string` on each query exactly once. A setter on the prototype
 * hears of that, and leaves the plain property that the query would have had.
 */
import { OUTCOME, type Outcome } from '../engine/engine.ts';
import {
  type CapturedStack,
  getRecorder,
  NO_STACK,
  type RecordedQuery,
  type Recorder,
} from '../recorder/index.ts';
import { countStatements } from '../util/statement-count.ts';
import { patchOnce, replaceMethod, type Undo, unpatch } from './patch.ts';
import { sqlStateOf } from './sql-state.ts';

type Settle = (value: unknown) => unknown;
type Handler = ((query: PostgresJsQuery) => unknown) & { debug?: unknown };

/** A query of postgres.js. */
export interface PostgresJsQuery {
  readonly tagged: boolean;
  readonly executed: boolean;
  readonly streaming?: boolean;
  /** Its columns are asked for, and it is not run. */
  readonly onlyDescribe?: boolean;
  /** A text by the simple protocol may hold several statements. */
  readonly options?: { readonly simple?: unknown };
  readonly strings: readonly string[];
  readonly args: readonly unknown[];
  /** Set when it is written. */
  readonly parameters?: readonly unknown[];
  /** The stack of the template, which the driver keeps. */
  readonly origin: unknown;
  handler: Handler;
  resolve: Settle;
  reject: Settle;
  cursorFn?: Settle;
  forEachFn?: (row: unknown, result: unknown) => unknown;
  handle(): unknown;
}

interface Issued {
  readonly record: RecordedQuery;
  readonly issuedNs: number;
  /** Of a cursor: what its function was given so far. */
  rowCount: number | undefined;
}

const issued = new WeakMap<PostgresJsQuery, Issued>();
/** Of queries that are no template, from when they were made. */
const stacks = new WeakMap<PostgresJsQuery, CapturedStack>();
const ours = new WeakSet<Settle>();

/** Hooks the queries of one copy of the driver; a second call does nothing. */
export function instrumentPostgresJs(queries: PostgresJsQuery): void {
  const recorder = getRecorder();
  patchOnce(queries, () => [
    onFirstSet(queries, 'strings', function strings(this: PostgresJsQuery, value) {
      if (!this.tagged) noteMaking(recorder, this, value, strings);
    }),
    onFirstSet(queries, 'string', function string(this: PostgresJsQuery, value) {
      begin(recorder, this, value);
    }),
    patchHandle(queries, recorder),
  ]);
}

/** Puts the driver's own functions back. Queries in flight are recorded to their end. */
export function uninstrumentPostgresJs(queries: PostgresJsQuery): void {
  unpatch(queries);
}

function onFirstSet(
  target: PostgresJsQuery,
  name: string,
  notify: (this: PostgresJsQuery, value: unknown) => void,
): Undo {
  Object.defineProperty(target, name, {
    configurable: true,
    get: () => undefined,
    set(this: PostgresJsQuery, value: unknown) {
      Object.defineProperty(this, name, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
      notify.call(this, value);
    },
  });
  return () => delete (target as unknown as Record<string, unknown>)[name];
}

function noteMaking(
  recorder: Recorder,
  query: PostgresJsQuery,
  strings: unknown,
  below: unknown,
): void {
  try {
    const sql: unknown = Array.isArray(strings) ? strings[0] : undefined;
    if (typeof sql !== 'string' || recorder.currentScope() === undefined) return;
    stacks.set(query, recorder.takeStack(sql, below));
  } catch (error) {
    recorder.reportFault(error);
  }
}

function patchHandle(queries: PostgresJsQuery, recorder: Recorder): Undo {
  return replaceMethod(queries, 'handle', (original) => {
    return function handle(this: PostgresJsQuery): unknown {
      try {
        const known = issued.get(this);
        // A cursor's iterator sets other functions for each step.
        if (known !== undefined) watch(recorder, this, known);
        else if (!this.executed && !this.onlyDescribe && !isDriversOwn(this)) {
          issue(recorder, this, handle);
        }
      } catch (error) {
        recorder.reportFault(error);
      }
      return original.call(this);
    };
  });
}

/** What a new connection asks for itself (types, state of the server) goes to it directly. */
function isDriversOwn({ tagged, strings, handler }: PostgresJsQuery): boolean {
  return !tagged && strings.length === 1 && !Object.hasOwn(handler, 'debug');
}

function issue(recorder: Recorder, query: PostgresJsQuery, below: unknown): void {
  const record = recorder.issue('', undefined, undefined);
  if (record === undefined) return;
  const stack = query.tagged
    ? stackOfTemplate(recorder, query)
    : (stacks.get(query) ?? recorder.takeStack(query.strings[0] ?? 'file', below));
  record.stack = stack === NO_STACK ? undefined : stack;
  const known = { record, issuedNs: recorder.engine.nowNs(), rowCount: undefined };
  issued.set(query, known);
  watch(recorder, query, known);
  const { handler, forEachFn } = query;
  // A connection outlives the scope that it is opened in.
  query.handler = Object.assign(
    (handled: PostgresJsQuery) => recorder.runIn(undefined, () => handler(handled)),
    handler,
  );
  if (forEachFn !== undefined) {
    const context = recorder.contextOf(record);
    query.forEachFn = (row, result) => recorder.runIn(context, () => forEachFn(row, result));
  }
}

/** The driver takes one stack for each template, and formats it where it is asked for. */
function stackOfTemplate(recorder: Recorder, query: PostgresJsQuery): CapturedStack | undefined {
  return recorder.isStackDue(query.strings[0] ?? '') ? { stack: query.origin } : undefined;
}

function begin(recorder: Recorder, query: PostgresJsQuery, sql: unknown): void {
  try {
    const known = issued.get(query);
    if (known === undefined || known.record.startNs !== 0 || typeof sql !== 'string') return;
    known.record.sql = sql;
    known.record.poolWaitNs = Math.max(0, recorder.engine.nowNs() - known.issuedNs);
    recorder.begin(known.record);
  } catch (error) {
    recorder.reportFault(error);
  }
}

function watch(recorder: Recorder, query: PostgresJsQuery, known: Issued): void {
  const { record } = known;
  const { resolve, reject, cursorFn } = query;
  if (cursorFn !== undefined && !ours.has(cursorFn)) {
    query.cursorFn = (rows) => {
      known.rowCount = (known.rowCount ?? 0) + lengthOf(rows);
      return recorder.runIn(recorder.contextOf(record), cursorFn, rows);
    };
    ours.add(query.cursorFn);
  }
  if (!ours.has(resolve)) {
    query.resolve = (value) => {
      if (!isStream(query, value)) {
        end(recorder, query, known, OUTCOME.ok, value);
      }
      return resolve(value);
    };
    ours.add(query.resolve);
  }
  if (!ours.has(reject)) {
    query.reject = (error) => {
      record.sqlState = sqlStateOf(error);
      end(recorder, query, known, OUTCOME.error, undefined);
      return reject(error);
    };
    ours.add(query.reject);
  }
}

/** COPY resolves with a stream at its start, and once more at its end. */
function isStream({ streaming }: PostgresJsQuery, value: unknown): boolean {
  return streaming === true && !Array.isArray(value);
}

function end(
  recorder: Recorder,
  query: PostgresJsQuery,
  { record, rowCount }: Issued,
  outcome: Outcome,
  result: unknown,
): void {
  try {
    if (record.durationNs >= 0) return;
    // Refused, or cancelled while it waited for a connection: it was never written.
    if (record.startNs === 0) begin(recorder, query, query.strings.join('$1'));
    record.values = query.parameters;
    const isError = outcome === OUTCOME.error;
    recorder.end(
      record,
      outcome,
      isError ? -1 : (rowCount ?? rowCountOf(recorder, query, record, result)),
    );
  } catch (error) {
    recorder.reportFault(error);
  }
}

/** Of all statements of the text; -1 where nothing says. */
function rowCountOf(
  recorder: Recorder,
  query: PostgresJsQuery,
  record: RecordedQuery,
  result: unknown,
): number {
  if (!Array.isArray(result)) return -1;
  // Results have a `count`, null where the server says none, as of SHOW; several are a plain list.
  const results: readonly unknown[] = 'count' in result ? [result] : result;
  if (query.options?.simple === true && isAnyLost(recorder, record, results.length)) return -1;
  return results.reduce<number>((sum, one) => {
    const { count } = (one ?? {}) as { readonly count?: unknown };
    const own = typeof count === 'number' ? count : lengthOf(one) || -1;
    return own < 0 ? sum : Math.max(0, sum) + own;
  }, -1);
}

const MAY_BE_SEVERAL = /;\s*\S/;

/**
 * A statement without columns gets no result of its own after another one: of its rows, and those of
 * the next such ones, the driver keeps the first number that there is.
 */
function isAnyLost(recorder: Recorder, record: RecordedQuery, resultCount: number): boolean {
  if (!MAY_BE_SEVERAL.test(record.sql)) return false;
  const { count, isMinimum } = countStatements(recorder.statementText(record));
  return isMinimum || count > resultCount;
}

function lengthOf(rows: unknown): number {
  return Array.isArray(rows) ? rows.length : 0;
}
