/**
 * The hook on `pg.native`, the clients of node-postgres on libpq. Their queries tell their life by
 * other steps than those of `pg`:
 *
 *   client.query()       the scope is captured
 *   query.submit()       the query is handed over: it begins
 *   query.emit('end')    its result is there: it ends, before the application hears of it
 *   query.handleError()  it failed: the same
 *
 * In pipeline mode nothing is submitted: all that waits is handed over at once.
 */
import { OUTCOME, type Outcome } from '../engine/engine.ts';
import { getRecorder, type RecordedQuery, type Recorder } from '../recorder/index.ts';
import { patchOnce, replaceMethod, rootOf, type Undo, unpatch } from './patch.ts';
import { issueOn, noteOpen } from './pg-clients.ts';
import { rowCountOfResults } from './pg-delivery.ts';
import { handOver, Hook, take, takeBack } from './pg-hand-over.ts';
import type { PgCallback, PgClient, PgResult } from './pg-types.ts';
import { sqlStateOf } from './sql-state.ts';

export interface NativeQuery {
  text?: unknown;
  values?: unknown;
  name?: unknown;
  callback?: PgCallback;
  readonly native?: { readonly pq: { resultErrorFields(): NativeErrorFields | null | undefined } };
  submit(client: unknown): unknown;
  emit(event: string, ...args: readonly unknown[]): unknown;
  handleError(error: unknown, ...rest: readonly unknown[]): unknown;
}

interface NativeErrorFields {
  readonly sqlState?: unknown;
  readonly messagePrimary?: unknown;
}

interface NativeClient {
  readonly constructor: unknown;
  readonly _queryQueue?: readonly NativeQuery[];
  readonly _connected?: boolean;
  readonly _pipelineInFlight?: boolean;
  readonly namedQueries?: Readonly<Record<string, unknown>>;
  query(config: unknown, ...rest: readonly unknown[]): unknown;
  _connect(callback: PgCallback): unknown;
  _pulsePipelinedQueryQueue?(): unknown;
}

export interface NativeClientClass {
  readonly prototype: NativeClient;
  readonly Query: { readonly prototype: NativeQuery };
}

const records = new WeakMap<NativeQuery, RecordedQuery>();
/** Those that have begun: they end under the hook on themselves, if need be. */
const running = new Set<NativeQuery>();

/** Hooks the native clients of one copy of the driver; a second call does nothing. */
export function instrumentNativeClient(Client: NativeClientClass): void {
  const recorder = getRecorder();
  const root = rootOf(Client.prototype, 'query');
  const queries = (root.constructor as NativeClientClass).Query.prototype;
  patchOnce(root, () => [
    patchIssue(root, recorder),
    patchOpening(root, recorder),
    ...(root._pulsePipelinedQueryQueue === undefined ? [] : [patchPipeline(root, recorder)]),
    patchSubmit(queries, recorder),
    ...patchEnd(queries, recorder),
  ]);
}

/** Puts the driver's own functions back. Queries in flight are recorded to their end. */
export function uninstrumentNativeClient(Client: NativeClientClass): void {
  if (!unpatch(rootOf(Client.prototype, 'query'))) return;
  const recorder = getRecorder();
  for (const query of running) {
    const undoes = patchEnd(query, recorder, () => undoes.forEach((undo) => undo()));
  }
}

function patchIssue(clients: NativeClient, recorder: Recorder): Undo {
  return replaceMethod(clients, 'query', (original) =>
    Hook.mark(function query(
      this: NativeClient,
      ...args: Parameters<NativeClient['query']>
    ): unknown {
      const record = issue(recorder, this, args, query);
      if (record === undefined) return original.apply(this, args);
      const last = this._queryQueue?.at(-1);
      const outer = handOver(record, this);
      try {
        const result = original.apply(this, args);
        if (take(this) === record) claimQueued(this, last, record);
        return result;
      } finally {
        takeBack(outer);
      }
    }),
  );
}

/**
 * The connection was busy: the query waits in the client's queue. Where it does not, it was refused:
 * nothing was sent, nothing is to be counted.
 */
function claimQueued(
  { _queryQueue: queue = [] }: NativeClient,
  last: NativeQuery | undefined,
  record: RecordedQuery,
): void {
  const queued = queue.at(-1);
  if (queued !== undefined && queued !== last) records.set(queued, record);
}

function issue(
  recorder: Recorder,
  client: NativeClient,
  [config, second]: readonly unknown[],
  below: unknown,
): RecordedQuery | undefined {
  try {
    const handed = take(client);
    const query = typeof config === 'string' ? undefined : (config as Partial<NativeQuery> | null);
    const named = client.namedQueries?.[String(query?.name)];
    const sql = query === undefined ? config : (query?.text ?? named);
    if (typeof sql !== 'string') return undefined;
    const values = query?.values ?? second;
    const given = Array.isArray(values) ? values : undefined;
    if (handed === undefined) {
      return issueOn(recorder, client as unknown as PgClient, sql, given, below);
    }
    handed.sql = sql;
    handed.values = given;
    return handed;
  } catch (error) {
    recorder.reportFault(error);
    return undefined;
  }
}

/** A connection outlives the scope that it is opened in. */
function patchOpening(clients: NativeClient, recorder: Recorder): Undo {
  return replaceMethod(clients, '_connect', (original) => {
    return function _connect(this: NativeClient, callback): unknown {
      const context = recorder.captureContext();
      const startNs = recorder.engine.nowNs();
      const connected: PgCallback = (error, ...rest) => {
        if (!error) noteOpen(recorder, this as unknown as PgClient, startNs);
        return recorder.runIn(context, () => callback.call(this, error, ...rest));
      };
      return recorder.runIn(recorder.isUnrecorded() ? context : undefined, () =>
        original.call(this, connected),
      );
    };
  });
}

function patchPipeline(clients: NativeClient, recorder: Recorder): Undo {
  return replaceMethod(
    clients as Required<NativeClient>,
    '_pulsePipelinedQueryQueue',
    (original) => {
      return function _pulsePipelinedQueryQueue(this: NativeClient): unknown {
        if (this._connected === true && this._pipelineInFlight !== true) {
          for (const query of this._queryQueue ?? []) begin(recorder, query, this);
        }
        return original.call(this);
      };
    },
  );
}

function patchSubmit(queries: NativeQuery, recorder: Recorder): Undo {
  return replaceMethod(queries, 'submit', (original) => {
    return function submit(this: NativeQuery, client: unknown): unknown {
      if (!isRefused(this, client as NativeClient)) begin(recorder, this, client as NativeClient);
      return original.call(this, client);
    };
  });
}

function patchEnd(target: NativeQuery, recorder: Recorder, onEnd?: () => void): Undo[] {
  return [
    replaceMethod(target, 'emit', (original) => {
      return function emit(this: NativeQuery, event, ...args): unknown {
        if (event !== 'end') return original.call(this, event, ...args);
        const record = end(recorder, this, OUTCOME.ok, rowCountOfResults(args[0] as PgResult));
        onEnd?.();
        if (record === undefined) return original.call(this, event, ...args);
        return recorder.runIn(recorder.contextOf(record), () =>
          original.call(this, event, ...args),
        );
      };
    }),
    replaceMethod(target, 'handleError', (original) => {
      return function handleError(this: NativeQuery, error, ...rest): unknown {
        const record = end(recorder, this, OUTCOME.error, -1, error);
        onEnd?.();
        if (record === undefined) return original.call(this, error, ...rest);
        return recorder.runIn(recorder.contextOf(record), () =>
          original.call(this, error, ...rest),
        );
      };
    }),
  ];
}

/** What the driver refuses to send, as it does; in a pipeline it refuses nothing. */
function isRefused({ text, name, values }: NativeQuery, { namedQueries }: NativeClient): boolean {
  if (!name) return Boolean(values) && !Array.isArray(values);
  const previous = namedQueries?.[name as string];
  return previous !== undefined && Boolean(text) && previous !== text;
}

function begin(recorder: Recorder, query: NativeQuery, client: NativeClient): void {
  try {
    const record = records.get(query) ?? take(client, query.text);
    if (record === undefined || record.startNs !== 0) return;
    records.set(query, record);
    running.add(query);
    // libpq calls back in the context of whatever opened the connection.
    const { callback } = query;
    if (typeof callback === 'function') {
      query.callback = (...result) =>
        recorder.runIn(recorder.contextOf(record), () => callback.apply(query, result));
    }
    recorder.begin(record);
  } catch (error) {
    recorder.reportFault(error);
  }
}

function end(
  recorder: Recorder,
  query: NativeQuery,
  outcome: Outcome,
  rowCount: number,
  error?: unknown,
): RecordedQuery | undefined {
  try {
    const record = records.get(query);
    if (record === undefined) return undefined;
    records.delete(query);
    running.delete(query);
    // The connection was lost before its turn came.
    if (record.startNs === 0) recorder.begin(record);
    if (outcome === OUTCOME.error) record.sqlState = stateOfError(query, error);
    recorder.end(record, outcome, rowCount);
    return record;
  } catch (fault) {
    recorder.reportFault(fault);
    return undefined;
  }
}

/**
 * The driver puts it on the error only when it tells the application. libpq has the fields of the
 * connection's last result: those of another query, where the error is the driver's own.
 */
function stateOfError({ native }: NativeQuery, error: unknown): string | undefined {
  const fields = native?.pq.resultErrorFields();
  const { message } = error as { readonly message?: unknown };
  const isOfServer =
    typeof message === 'string' &&
    typeof fields?.messagePrimary === 'string' &&
    message.includes(fields.messagePrimary);
  return sqlStateOf(isOfServer ? { code: fields.sqlState } : error);
}
