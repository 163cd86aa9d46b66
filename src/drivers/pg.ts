/**
 * The hook on node-postgres. It sees every query of every client, however it was asked for, and
 * changes nothing that the application could notice: no callback, promise or listener of a query is
 * wrapped or added. A query's life is read off the driver's own `Query` object:
 *
 *   client.query()        the scope is captured, here and only here
 *   query.submit()        the query is handed over to the connection: it begins
 *   handleReadyForQuery() its last result is there: it ends, before the application hears of it
 *   handleError()         it failed: the same
 *
 * The driver calls back in the context of whatever opened the connection or released the client,
 * so that what a callback issues next would be booked on another request. The hook goes back into
 * the scope of the caller for it, opens connections outside of every scope, and leaves the
 * application's own contexts as they are.
 */
import { OUTCOME, type Outcome } from '../engine/engine.ts';
import { getRecorder, RecordedQuery, type Recorder } from '../recorder/index.ts';
import { Stamped } from '../util/stamp.ts';
import { patchOnce, replaceMethod, rootOf, type Undo, unpatch } from './patch.ts';
import { issueOn, noteOpen, queriesInFlight, queueOf } from './pg-clients.ts';
import { isUnreadAtSubmit, rowCountOf, watchDelivery, type Watcher } from './pg-delivery.ts';
import { handOver, Hook, isUntaken, take, takeBack } from './pg-hand-over.ts';
import type { PgCallback, PgClient, PgClientClass, PgConnection, PgQuery } from './pg-types.ts';
import { sqlStateOf } from './sql-state.ts';

/** A connection lives long: what is kept on it costs a query less than what is kept on itself. */
class StampedConnection extends Stamped {
  /** How it reads backslashes, as the server has last said. */
  #isStandardConforming: boolean | undefined;
  /** What is being recorded of the query that the server is answering: its `subject`. */
  #record: RecordedQuery | undefined;
  /** Whose connection it is, where we saw it being opened. */
  #client: PgClient | undefined;

  // Asked several times a query, and answered with no only once a connection: to ask first whether
  // the fields are there would cost as much again.

  static isStandardConforming(target: PgConnection): boolean | undefined {
    try {
      return (target as StampedConnection).#isStandardConforming;
    } catch {
      return undefined;
    }
  }

  static setStandardConforming(target: PgConnection, isStandardConforming: boolean): void {
    StampedConnection.#of(target).#isStandardConforming = isStandardConforming;
  }

  static record(target: PgConnection): RecordedQuery | undefined {
    try {
      return (target as StampedConnection).#record;
    } catch {
      return undefined;
    }
  }

  static setRecord(target: PgConnection, record: RecordedQuery | undefined): void {
    try {
      (target as StampedConnection).#record = record;
    } catch {
      StampedConnection.#of(target).#record = record;
    }
  }

  static isListenedTo(target: PgConnection): boolean {
    return #record in target && target.#client !== undefined;
  }

  static client(target: PgConnection): PgClient | undefined {
    return #record in target ? target.#client : undefined;
  }

  static setClient(target: PgConnection, client: PgClient): void {
    StampedConnection.#of(target).#client = client;
  }

  static #of(target: PgConnection): StampedConnection {
    return #record in target ? target : new StampedConnection(target);
  }
}

/** Queries with a stamp that have not ended: those that find their connection idle never have one. */
let stampedCount = 0;

/** A query that waits in a queue or shares its connection, with what is being recorded of it. */
class StampedQuery extends Stamped {
  #record: RecordedQuery | undefined;

  static of(target: PgQuery): RecordedQuery | undefined {
    return stampedCount > 0 && #record in target ? (target as StampedQuery).#record : undefined;
  }

  static put(target: PgQuery, record: RecordedQuery): void {
    if (StampedQuery.of(target) === undefined) stampedCount += 1;
    if (#record in target) (target as StampedQuery).#record = record;
    else new StampedQuery(target).#record = record;
  }

  static take(target: PgQuery): RecordedQuery | undefined {
    const record = StampedQuery.of(target);
    if (record === undefined) return undefined;
    (target as unknown as StampedQuery).#record = undefined;
    stampedCount -= 1;
    return record;
  }
}

// What is imported is looked up anew at each use, and what is declared here is not.
const { ok: OK, error: FAILED } = OUTCOME;

/** Further runs of one `Query` object that was given to `client.query()` again before its end. */
const rerunsOf = new WeakMap<PgQuery, RecordedQuery[]>();
/** For queries whose methods are hooked one by one, and put back at their end. */
const undoes = new WeakMap<PgQuery, Undo[]>();
/** Whether one of these two has ever held anything: most applications never need them. */
let isAnyExtended = false;
/** The connection that a query is being written to: its class may call others' for it. */
let submitting: unknown;
/** Instead of the time at which a query began: it is none of the application's, or is never sent. */
const UNCOUNTED = -1;

/** Hooks the clients of one copy of the driver; a second call does nothing. */
export function instrumentClient(Client: PgClientClass): void {
  const recorder = getRecorder();
  const root = rootOf(Client.prototype, 'query');
  const queries = (root.constructor as PgClientClass).Query.prototype;
  patchOnce(root, () => [
    patchIssue(root, queries, recorder),
    ...(root._connect === undefined ? [] : [patchOpening(root, recorder)]),
    ...patchLife(queries, recorder),
  ]);
}

/**
 * Puts the driver's own functions back, identical to what they were. Queries in flight are
 * recorded to their end.
 */
export function uninstrumentClient(Client: PgClientClass): void {
  const root = rootOf(Client.prototype, 'query');
  if (!unpatch(root)) return;
  const recorder = getRecorder();
  for (const [query, { connection }] of queriesInFlight(root)) {
    if (recordOf(query, connection) !== undefined) patchInstance(query, recorder);
  }
}

function patchInstance(query: PgQuery, recorder: Recorder): void {
  isAnyExtended = true;
  if (!undoes.has(query)) undoes.set(query, patchLife(query, recorder));
}

function patchIssue(clients: PgClient, queries: PgQuery, recorder: Recorder): Undo {
  return replaceMethod(clients, 'query', (original) =>
    Hook.mark(function query(
      this: PgClient,
      config?: unknown,
      values?: unknown,
      callback?: unknown,
    ): unknown {
      const record = issue(recorder, queries, this, config, values, callback, query);
      const queue = queueOf(this);
      const last = queue !== undefined && queue.length > 0 ? queue[queue.length - 1] : undefined;
      const outer = handOver(record, this.connection);
      let result;
      try {
        // With its arguments spelled out the engine can compile the driver's function into this one.
        if (arguments.length === 3) result = original.call(this, config, values, callback);
        // oxlint-disable-next-line prefer-rest-params -- a list would be made for each query
        else result = original.apply(this, arguments as unknown as Parameters<PgClient['query']>);
      } catch (error) {
        takeBack(outer);
        throw error;
      }
      const isQueued = isUntaken(record);
      takeBack(outer);
      if (isQueued) claimQueued(recorder, this, config, record, last, query);
      return result;
    }),
  );
}

/**
 * A connection outlives the scope that it is opened in: what the server sends by itself belongs
 * to none, and the scope must not stay in memory for as long as the connection.
 */
function patchOpening(clients: PgClient, recorder: Recorder): Undo {
  return replaceMethod(clients as Required<PgClient>, '_connect', (original) => {
    return function _connect(this: PgClient, callback: PgCallback): unknown {
      const context = recorder.captureContext();
      const startNs = recorder.engine.nowNs();
      watchSettings(recorder, this);
      const connected: PgCallback = (error, ...rest) => {
        if (!error) noteOpen(recorder, this, startNs);
        return recorder.runIn(context, () => callback.call(this, error, ...rest));
      };
      return recorder.runIn(recorder.isUnrecorded() ? context : undefined, () =>
        original.call(this, connected),
      );
    };
  });
}

/**
 * The server says its settings while a client connects, and when one changes; the driver keeps none
 * of it. The listener is on the driver's own connection, which is the application's business no
 * more than its socket.
 */
function watchSettings(recorder: Recorder, client: PgClient): void {
  const { connection } = client;
  try {
    if (typeof connection?.on !== 'function' || StampedConnection.isListenedTo(connection)) return;
    StampedConnection.setClient(connection, client);
    connection.on('parameterStatus', (message) => {
      if (message?.parameterName !== 'standard_conforming_strings') return;
      StampedConnection.setStandardConforming(connection, message.parameterValue === 'on');
    });
  } catch (error) {
    recorder.reportFault(error);
  }
}

/** What the application made and gave to `client.query()`. */
function watch(query: PgQuery, recorder: Recorder): void {
  const undo = watchDelivery(query, watcherOf(recorder));
  if (undo.length === 0) return;
  isAnyExtended = true;
  undoes.set(query, [...(undoes.get(query) ?? []), ...undo]);
}

function watcherOf(recorder: Recorder): Watcher {
  return {
    enter(query, fn) {
      const record = StampedQuery.of(query);
      return record === undefined ? fn() : recorder.runIn(recorder.contextOf(record), fn);
    },
    run(query) {
      const record = StampedQuery.of(query);
      if (record?.startNs === 0) begin(recorder, record);
    },
  };
}

/** Hooks what the driver calls on a query: on `Query.prototype`, or on one cursor or stream. */
function patchLife(target: PgQuery, recorder: Recorder): Undo[] {
  return [
    replaceMethod(target, 'submit', (original) => {
      return function submit(this: PgQuery, connection: unknown): unknown {
        // A class of its own comes by twice: hooked itself, it calls the one that it extends.
        if (submitting !== undefined && submitting === connection)
          return original.call(this, connection);
        const outer = submitting;
        beginSubmitted(recorder, this, connection, submit);
        submitting = connection;
        try {
          return original.call(this, connection);
        } catch (error) {
          // What the driver cannot write never gets an answer.
          end(recorder, this, connection, FAILED, error);
          throw error;
        } finally {
          submitting = outer;
        }
      };
    }),
    replaceMethod(target, 'handleReadyForQuery', (original) => {
      return function handleReadyForQuery(this: PgQuery, connection: unknown): unknown {
        // After a row that could not be parsed the driver goes on to handleError by itself.
        if (this._canceledDueToError) return original.call(this, connection);
        const record = end(recorder, this, connection, OK);
        if (record === undefined || record.isForPromise) return original.call(this, connection);
        return recorder.runIn(recorder.contextOf(record), () => original.call(this, connection));
      };
    }),
    replaceMethod(target, 'handleError', (original) => {
      return function handleError(this: PgQuery, error: unknown, connection: unknown): unknown {
        const record = end(recorder, this, connection, FAILED, error);
        if (record === undefined || record.isForPromise) {
          return original.call(this, error, connection);
        }
        return recorder.runIn(recorder.contextOf(record), () =>
          original.call(this, error, connection),
        );
      };
    }),
  ];
}

function issue(
  recorder: Recorder,
  queries: PgQuery,
  client: PgClient,
  config: unknown,
  values: unknown,
  callback: unknown,
  below: unknown,
): RecordedQuery {
  try {
    const handed = take(client);
    // As a pool asks for most: it has noted all the rest.
    if (handed !== undefined && typeof config === 'string' && Array.isArray(values)) {
      handed.values = values;
      return handed;
    }
    const query = typeof config === 'string' ? undefined : (config as Partial<PgQuery> | null);
    const sql = query === undefined ? config : query && textOf(query, client.connection);
    if (typeof sql !== 'string') return uncounted();
    const isSubmittable = typeof query?.submit === 'function';
    // The second argument may be the callback.
    const given = isSubmittable || !Array.isArray(values) ? query && valuesOf(query) : values;
    const list = Array.isArray(given) ? given : undefined;
    const record = handed ?? issueOn(recorder, client, sql, list, below);
    if (record === undefined) return uncounted();
    record.sql = sql;
    record.values = list;
    record.isForPromise ||= !isSubmittable && !hasCallback(config, values, callback);
    if (isSubmittable) {
      const submittable = query as PgQuery;
      if (submittable.submit !== queries.submit) patchInstance(submittable, recorder);
      watch(submittable, recorder);
    }
    return record;
  } catch (error) {
    recorder.reportFault(error);
    return uncounted();
  }
}

/** Stands for a query that is not to be counted. */
function uncounted(): RecordedQuery {
  const record = new RecordedQuery(undefined, undefined, '', undefined, undefined);
  record.startNs = UNCOUNTED;
  return record;
}

/**
 * A query that nobody has seen being asked for: an application's wrapper lies between our hook and
 * the driver's function, and what it sends goes past the hook.
 */
function issueUnseen(
  recorder: Recorder,
  query: PgQuery,
  connection: PgConnection | undefined,
  below: unknown,
): RecordedQuery {
  const sql = textOf(query, connection);
  if (typeof sql !== 'string') return uncounted();
  const values = valuesOf(query);
  const client = connection && StampedConnection.client(connection);
  const list = Array.isArray(values) ? values : undefined;
  const record =
    client === undefined
      ? recorder.issue(sql, list, connection, below)
      : issueOn(recorder, client, sql, list, below);
  return record ?? uncounted();
}

function hasCallback(config: unknown, values: unknown, callback: unknown): boolean {
  return (
    typeof values === 'function' ||
    Boolean(callback) ||
    (typeof config === 'object' && Boolean((config as PgQuery).callback))
  );
}

/** A stream keeps its text on its cursor, the connection that of a prepared statement. */
function textOf(
  { text, cursor, name }: Partial<PgQuery>,
  connection: PgConnection | undefined,
): unknown {
  if (text !== undefined || cursor !== undefined || typeof name !== 'string') {
    return text ?? cursor?.text;
  }
  return preparedText(connection, name);
}

function preparedText(connection: PgConnection | undefined, name: unknown): unknown {
  const key = String(name);
  return connection?.parsedStatements?.[key] || connection?.submittedNamedStatements?.[key];
}

function valuesOf({ values, cursor }: Partial<PgQuery>): unknown {
  return values ?? cursor?.values;
}

/** What the driver's own `Query` refuses to send, as it does. */
function isRefused(query: PgQuery, connection: unknown): boolean {
  const { text, name, values } = query;
  const areValuesRefused = Boolean(values) && !Array.isArray(values);
  if (typeof text === 'string' && !name && !areValuesRefused) return false;
  if (query._results === undefined) return false;
  if (areValuesRefused || (typeof text !== 'string' && typeof name !== 'string')) return true;
  const previous = preparedText(connection as PgConnection | undefined, name);
  return Boolean(text && previous) && text !== previous;
}

/**
 * The connection was busy: the query waits in the client's queue. Where it does not, it was refused:
 * nothing was sent, nothing is to be counted.
 *
 * @param last what waited there last before the call: all behind it came with the call.
 */
function claimQueued(
  recorder: Recorder,
  client: PgClient,
  config: unknown,
  record: RecordedQuery,
  last: PgQuery | undefined,
  below: unknown,
): void {
  try {
    const { connection } = client;
    const queue = queueOf(client) ?? [];
    const newest = queue.at(-1);
    if (newest !== undefined && newest === config && recordOf(newest, connection) !== undefined) {
      isAnyExtended = true;
      rerunsOf.set(newest, [...(rerunsOf.get(newest) ?? []), record]);
      return;
    }
    let own: RecordedQuery | undefined = record;
    for (let at = queue.length - 1; at >= 0 && queue[at] !== last; at -= 1) {
      const queued = queue[at] as PgQuery;
      const isOwn = own !== undefined && (queued.text ?? own.sql) === own.sql;
      const noted: RecordedQuery =
        isOwn && own !== undefined ? own : issueUnseen(recorder, queued, connection, below);
      StampedQuery.put(queued, noted);
      if (isOwn) own = undefined;
    }
  } catch (error) {
    recorder.reportFault(error);
  }
}

function beginSubmitted(
  recorder: Recorder,
  query: PgQuery,
  connection: unknown,
  below: unknown,
): void {
  try {
    const answered = recordOn(connection);
    let record = answered?.subject === query ? answered : StampedQuery.of(query);
    if (record === undefined) {
      record =
        take(connection as PgConnection, query.text) ??
        issueUnseen(recorder, query, connection as PgConnection, below);
      // What hands over rows says nothing of the connection.
      const isApart = isAnyExtended && undoes.has(query);
      if (!isConnection(connection) || answered !== undefined || isApart) {
        StampedQuery.put(query, record);
      } else {
        // On the record, which is as young as the query: to note a young object on an old one is
        // noted down once more for the collector.
        record.subject = query;
        StampedConnection.setRecord(connection, record);
      }
    }
    if (isRefused(query, connection)) record.startNs = UNCOUNTED;
    if (record.startNs !== 0 || (isAnyExtended && isUnreadAtSubmit(query))) return;
    if (isConnection(connection)) {
      record.standardConformingStrings = StampedConnection.isStandardConforming(connection);
    }
    recorder.begin(record);
  } catch (error) {
    recorder.reportFault(error);
  }
}

/** A cursor that was only described so far. */
function begin(recorder: Recorder, record: RecordedQuery): void {
  try {
    recorder.begin(record);
  } catch (error) {
    recorder.reportFault(error);
  }
}

function isConnection(connection: unknown): connection is PgConnection {
  return connection !== undefined && connection !== null;
}

/** What is being recorded of the query that the connection's server is answering. */
function recordOn(connection: unknown): RecordedQuery | undefined {
  return isConnection(connection) ? StampedConnection.record(connection) : undefined;
}

function recordOf(query: PgQuery, connection: unknown): RecordedQuery | undefined {
  const answered = recordOn(connection);
  return answered?.subject === query ? answered : StampedQuery.of(query);
}

/** @returns what has ended; undefined where the query is none of ours, or ended before. */
function end(
  recorder: Recorder,
  query: PgQuery,
  connection: unknown,
  outcome: Outcome,
  error?: unknown,
): RecordedQuery | undefined {
  try {
    const rowCount = outcome === OK ? rowCountOf(query, isAnyExtended) : -1;
    let record = recordOn(connection);
    if (record?.subject === query) {
      StampedConnection.setRecord(connection as PgConnection, undefined);
      record.subject = undefined;
    } else {
      record = StampedQuery.take(query);
    }
    if (isAnyExtended) {
      const rerun = rerunsOf.get(query)?.shift();
      if (rerun === undefined) {
        undoLife(query);
      } else {
        StampedQuery.put(query, rerun);
      }
    }
    if (record === undefined || record.startNs === UNCOUNTED) return undefined;
    if (record.startNs === 0) {
      // A cursor that nobody has read from was parsed and described, and never run.
      if (outcome === OK) return record;
      // A connection that was lost fails what still waits in the client's queue too.
      recorder.begin(record);
    }
    if (outcome === FAILED) record.sqlState = sqlStateOf(error);
    recorder.end(record, outcome, rowCount);
    return record;
  } catch (fault) {
    recorder.reportFault(fault);
    return undefined;
  }
}

function undoLife(query: PgQuery): void {
  const undone = undoes.get(query);
  if (undone === undefined) return;
  for (const undo of undone.toReversed()) undo();
  undoes.delete(query);
}
