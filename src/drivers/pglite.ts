/**
 * The hook on PGlite. Whatever asks (query, exec, sql, a transaction, the protocol by way of
 * `runExclusive`), it takes its turn in `_runExclusiveQuery` and then sends protocol messages:
 *
 *   query(), exec()      the caller's frames are there, and are gone behind the mutex
 *   _runExclusiveQuery() the scope is captured
 *   execProtocolRaw()    the turn has come: the query begins; its text and parameters are read
 *                        off the Parse, Query and Bind messages
 *   execProtocol()       its answers: the server says there how many rows there were
 *
 * Messages outside of a turn are another driver's, such as `pg` on `createPgConfig()`.
 */
import { OUTCOME, type Outcome } from '../engine/engine.ts';
import { getRecorder, type RecordedQuery, type Recorder } from '../recorder/index.ts';
import { patchOnce, replaceMethod, rootOf, type Undo, unpatch } from './patch.ts';
import { parametersOf, textOf } from './protocol.ts';
import { sqlStateOf } from './sql-state.ts';

type Turn = () => Promise<unknown>;
type Ask = (sql: unknown, ...rest: readonly unknown[]) => unknown;
type Transact = (work: (transaction: PgliteTransaction) => unknown) => unknown;

interface PgliteTransaction {
  query: Ask;
  exec: Ask;
}

/** The part of a PGlite that the hook touches. */
export interface Pglite {
  query: Ask;
  exec: Ask;
  transaction: Transact;
  _initArrayTypes?(options?: unknown): unknown;
  _runExclusiveQuery(turn: Turn): unknown;
  execProtocolRaw(message: Uint8Array, ...rest: readonly unknown[]): unknown;
  execProtocol(...args: readonly unknown[]): Promise<unknown>;
  /** What `query` and `exec` use since 0.3. */
  execProtocolStream?(...args: readonly unknown[]): Promise<unknown>;
}

/** The query whose turn it is. */
const running = new WeakMap<Pglite, RecordedQuery>();

/** The rows that the server told of a query so far. */
interface Answered {
  /** Of the statements that are done; -1 where the server said of none. */
  rowCount: number;
  /** That came for the statement which is not done yet. */
  pendingRows: number;
}

const answered = new WeakMap<RecordedQuery, Answered>();

/** Hooks the class of a PGlite; a second call does nothing. */
export function instrumentPglite(databases: Pglite): void {
  const recorder = getRecorder();
  const turns = rootOf(databases, '_runExclusiveQuery');
  const asks = rootOf(databases, 'query');
  patchOnce(turns, () => [
    patchTurn(turns, recorder),
    patchMessages(turns, recorder),
    ...(['execProtocol', 'execProtocolStream'] as const)
      .filter((name) => typeof turns[name] === 'function')
      .map((name) => patchAnswers(turns as Required<Pglite>, name, recorder)),
  ]);
  patchOnce(asks, () => [
    ...patchAsks(asks, recorder),
    patchTransaction(asks, recorder),
    ...(asks._initArrayTypes === undefined ? [] : [patchStart(asks, recorder)]),
  ]);
}

/** Puts PGlite's own functions back. Queries whose turn it is are recorded to their end. */
export function uninstrumentPglite(databases: Pglite): void {
  unpatch(rootOf(databases, '_runExclusiveQuery'));
  unpatch(rootOf(databases, 'query'));
}

function patchAsks(target: PgliteTransaction, recorder: Recorder): Undo[] {
  return (['query', 'exec'] as const).map((name) =>
    replaceMethod(target, name, (original) => {
      return function ask(this: unknown, ...args: Parameters<Ask>): unknown {
        const [sql] = args;
        if (typeof sql !== 'string') return original.apply(this, args);
        return recorder.runFrom(recorder.takeStack(sql, ask), () => original.apply(this, args));
      };
    }),
  );
}

function patchTransaction(databases: Pglite, recorder: Recorder): Undo {
  return replaceMethod(databases, 'transaction', (original) => {
    return function transaction(this: Pglite, work): unknown {
      return original.call(this, (own) => {
        patchAsks(own, recorder);
        return work(own);
      });
    };
  });
}

/** What PGlite asks for itself when it starts. */
function patchStart(databases: Pglite, recorder: Recorder): Undo {
  return replaceMethod(databases as Required<Pglite>, '_initArrayTypes', (original) => {
    return function _initArrayTypes(this: Pglite, options?: unknown): unknown {
      return recorder.runUnrecorded(() => original.call(this, options));
    };
  });
}

function patchTurn(databases: Pglite, recorder: Recorder): Undo {
  return replaceMethod(databases, '_runExclusiveQuery', (original) => {
    return function _runExclusiveQuery(this: Pglite, turn: Turn): unknown {
      const record = recorder.issue('', undefined, this, _runExclusiveQuery);
      if (record === undefined) return original.call(this, turn);
      const issuedNs = recorder.engine.nowNs();
      return original.call(this, () => {
        record.poolWaitNs = Math.max(0, recorder.engine.nowNs() - issuedNs);
        running.set(this, record);
        const ended = turn();
        ended.then(
          (result) => end(recorder, this, OUTCOME.ok, result),
          (error: unknown) => end(recorder, this, OUTCOME.error, error),
        );
        return ended;
      });
    };
  });
}

function patchMessages(databases: Pglite, recorder: Recorder): Undo {
  return replaceMethod(databases, 'execProtocolRaw', (original) => {
    return function execProtocolRaw(this: Pglite, message, ...rest): unknown {
      readMessage(recorder, this, message);
      return original.call(this, message, ...rest);
    };
  });
}

function patchAnswers(
  databases: Required<Pglite>,
  name: 'execProtocol' | 'execProtocolStream',
  recorder: Recorder,
): Undo {
  return replaceMethod(databases, name, (original) => {
    return function execProtocol(this: Pglite, ...args: unknown[]): Promise<unknown> {
      const record = running.get(this);
      const answers = original.apply(this, args);
      if (record !== undefined) {
        void Promise.resolve(answers).then(
          (messages) => readAnswers(recorder, record, messages),
          () => {},
        );
      }
      return answers;
    };
  });
}

function readAnswers(recorder: Recorder, record: RecordedQuery, answers: unknown): void {
  try {
    const { messages = answers } = (answers ?? {}) as { readonly messages?: unknown };
    if (!Array.isArray(messages)) return;
    const known = answered.get(record) ?? { rowCount: -1, pendingRows: 0 };
    answered.set(record, known);
    for (const { name, text } of messages as {
      readonly name?: unknown;
      readonly text?: unknown;
    }[]) {
      if (name === 'dataRow') known.pendingRows += 1;
      else if (name === 'commandComplete') complete(known, text);
    }
  } catch (error) {
    recorder.reportFault(error);
  }
}

/** @param tag such as `SELECT 5`, or `SHOW`: it gives rows without a number of them. */
function complete(known: Answered, tag: unknown): void {
  const count = typeof tag === 'string' ? / (\d+)$/.exec(tag)?.[1] : undefined;
  if (count !== undefined || known.pendingRows > 0) {
    // Of a portal that is run in steps the tag speaks of the last one.
    const rows = Math.max(known.pendingRows, Number(count ?? 0));
    known.rowCount = Math.max(0, known.rowCount) + rows;
  }
  known.pendingRows = 0;
}

function readMessage(recorder: Recorder, database: Pglite, message: Uint8Array): void {
  try {
    let record = running.get(database);
    if (record === undefined) return;
    const sql = textOf(message);
    if (sql === undefined) {
      record.values ??= parametersOf(message);
      return;
    }
    if (record.startNs !== 0) {
      // Several queries in one turn, as a server in front of PGlite asks for them.
      end(recorder, database, OUTCOME.ok, undefined);
      record = recorder.issue(sql, undefined, database);
      if (record === undefined) return;
      running.set(database, record);
    }
    record.sql = sql;
    recorder.begin(record);
  } catch (error) {
    recorder.reportFault(error);
  }
}

function end(recorder: Recorder, database: Pglite, outcome: Outcome, result: unknown): void {
  try {
    const record = running.get(database);
    running.delete(database);
    // A turn may send nothing, or only what no query is.
    if (record === undefined || record.startNs === 0) return;
    const isError = outcome === OUTCOME.error;
    if (isError) record.sqlState = sqlStateOf(result);
    recorder.end(record, outcome, isError ? -1 : rowCountOf(record, result));
  } catch (error) {
    recorder.reportFault(error);
  }
}

/**
 * What the server said, of all statements of the text: PGlite itself takes no notice of what
 * `CREATE TABLE AS` made.
 */
function rowCountOf(record: RecordedQuery, result: unknown): number {
  const count = answered.get(record)?.rowCount ?? -1;
  if (count >= 0) return count;
  const last: unknown = Array.isArray(result) ? result.at(-1) : result;
  const { rows } = (last ?? {}) as { readonly rows?: unknown };
  return Array.isArray(rows) ? rows.length : -1;
}
