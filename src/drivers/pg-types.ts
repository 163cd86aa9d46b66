/**
 * The parts of `pg` and `pg-pool` that the hook touches, as structural types: any copy of the
 * driver will do, and none is imported at run time.
 */

export interface PgQuery {
  text?: unknown;
  values?: unknown;
  name?: unknown;
  callback?: unknown;
  /** A query-stream's. */
  readonly cursor?: PgCursor;
  _results?: PgResult | PgResult[];
  _canceledDueToError?: unknown;
  submit(connection: unknown): unknown;
  handleError(error: unknown, connection: unknown): unknown;
  handleReadyForQuery(connection: unknown): unknown;
  handleDataRow?(...args: readonly unknown[]): unknown;
  handleCommandComplete?(...args: readonly unknown[]): unknown;
  handlePortalSuspended?(...args: readonly unknown[]): unknown;
  handleCopyInResponse?(...args: readonly unknown[]): unknown;
  listenerCount?(event: string): number;
}

export interface PgCursor {
  readonly text?: unknown;
  readonly values?: unknown;
  read(...args: readonly unknown[]): unknown;
}

export interface PgResult {
  readonly rowCount?: number | null;
  readonly rows?: readonly unknown[];
  readonly fields?: readonly unknown[];
}

export type PgCallback = (error: unknown, ...rest: readonly unknown[]) => unknown;

export interface PgClient {
  readonly constructor: unknown;
  query(config: unknown, values?: unknown, callback?: unknown): unknown;
  connect?(callback?: PgCallback): unknown;
  _connect?(callback: PgCallback): unknown;
  /** Named `queryQueue` before pg 8.17; those names warn since. */
  readonly _queryQueue?: readonly PgQuery[];
  readonly queryQueue?: readonly PgQuery[];
  readonly connection?: PgConnection;
  readonly _activeQuery?: PgQuery | null;
  readonly activeQuery?: PgQuery | null;
  /** Written to a pipelined connection, behind the active one. */
  readonly _sentQueryQueue?: readonly PgQuery[];
}

export interface PgConnection {
  /** Texts by the name of the prepared statement. */
  readonly parsedStatements?: Readonly<Record<string, unknown>>;
  readonly submittedNamedStatements?: Readonly<Record<string, unknown>>;
  on?(
    event: 'parameterStatus',
    listener: (message: PgParameterStatus | undefined) => void,
  ): unknown;
}

export interface PgParameterStatus {
  readonly parameterName?: unknown;
  readonly parameterValue?: unknown;
}

export interface PgClientClass {
  readonly prototype: PgClient;
  readonly Query: { readonly prototype: PgQuery };
}

export type PgConnectCallback = (error: unknown, client?: PgClient, done?: unknown) => unknown;

export interface PgPoolOptions {
  readonly connectionString?: string;
  readonly host?: string;
  readonly port?: number | string;
  readonly database?: string;
  readonly max: number;
  /** Run with each new client before it is handed out. */
  readonly verify?: unknown;
  readonly onConnect?: unknown;
}

export interface PgPool {
  readonly ending: boolean;
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: PgPoolOptions;
  readonly Promise: PromiseConstructor;
  /** The class of its clients. */
  readonly Client?: { readonly prototype: PgClient };
  connect(callback?: PgConnectCallback | null): unknown;
  query(config: unknown, ...rest: readonly unknown[]): unknown;
  _release?(client: PgClient, ...rest: readonly unknown[]): unknown;
  /** Who waits for a client, in order. */
  readonly _pendingQueue?: readonly PgPending[];
  /** Opens a client for one who waits. */
  newClient?(pending: PgPending): unknown;
  /** Hands a client out to one who waits; tells the pool's listeners first. */
  _acquireClient?(client: PgClient, pending: PgPending, ...rest: readonly unknown[]): unknown;
  listenerCount?(event: string): number;
}

export interface PgPending {
  readonly callback: PgConnectCallback;
}

export interface PgPoolClass {
  readonly prototype: PgPool;
}
