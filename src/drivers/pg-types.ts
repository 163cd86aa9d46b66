/**
 * The parts of `pg` and `pg-pool` that the hook touches, as structural types: any copy of the
 * driver will do, and none is imported at run time.
 */

export interface PgQuery {
  text?: unknown;
  values?: unknown;
  name?: unknown;
  /** A query-stream's. */
  readonly cursor?: { readonly text?: unknown; readonly values?: unknown };
  _results?: PgResult | PgResult[];
  _canceledDueToError?: unknown;
  submit(connection: unknown): unknown;
  handleError(error: unknown, connection: unknown): unknown;
  handleReadyForQuery(connection: unknown): unknown;
}

export interface PgResult {
  readonly rowCount?: number | null;
}

export interface PgClient {
  readonly constructor: unknown;
  query(config: unknown, values?: unknown, callback?: unknown): unknown;
  /** Named `queryQueue` before pg 8.17. */
  readonly _queryQueue?: readonly PgQuery[];
  readonly queryQueue?: readonly PgQuery[];
  connect(callback?: unknown): unknown;
  readonly connection?: PgConnection;
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
}

export interface PgPool {
  readonly ending: boolean;
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: PgPoolOptions;
  readonly Promise: PromiseConstructor;
  connect(callback?: PgConnectCallback | null): unknown;
}

export interface PgPoolClass {
  readonly prototype: PgPool;
}
