/**
 * What the public declarations say of `pg`'s pool, by structure: they hold where `@types/pg` is
 * not installed, and both ways where it is.
 */
/* oxlint-disable typescript/no-explicit-any -- rows and values are the application's to type */
import type { EventEmitter } from 'node:events';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';

/** Options of `pg.Client`. */
export interface PgClientConfig {
  user?: string | undefined;
  database?: string | undefined;
  password?: string | (() => string | Promise<string>) | undefined;
  port?: number | undefined;
  host?: string | undefined;
  connectionString?: string | undefined;
  keepAlive?: boolean | undefined;
  stream?: () => Duplex | undefined;
  statement_timeout?: false | number | undefined;
  ssl?: boolean | ConnectionOptions | undefined;
  enableChannelBinding?: boolean | undefined;
  sslnegotiation?: 'postgres' | 'direct' | undefined;
  query_timeout?: number | undefined;
  lock_timeout?: number | undefined;
  keepAliveInitialDelayMillis?: number | undefined;
  idle_in_transaction_session_timeout?: number | undefined;
  application_name?: string | undefined;
  fallback_application_name?: string | undefined;
  connectionTimeoutMillis?: number | undefined;
  types?: PgTypes | undefined;
  options?: string | undefined;
  client_encoding?: string | undefined;
  pipeline?: boolean | undefined;
}

/** Options of `pg.Pool`. */
export interface PgPoolConfig extends PgClientConfig {
  max?: number | undefined;
  min?: number | undefined;
  idleTimeoutMillis?: number | null | undefined;
  log?: ((...messages: any[]) => void) | undefined;
  Promise?: PromiseConstructorLike | undefined;
  allowExitOnIdle?: boolean | undefined;
  maxUses?: number | undefined;
  maxLifetimeSeconds?: number | undefined;
  Client?: (new () => any) | undefined;
  onConnect?: ((client: any) => void) | undefined;
  verify?: ((client: any, done: (error?: Error) => void) => void) | undefined;
}

/** How values of the server become values of JavaScript. */
export interface PgTypes {
  getTypeParser: (id: any, format?: any) => any;
}

/** A statement with its parameters. */
export interface PgQueryConfig {
  name?: string | undefined;
  text: string;
  values?: any;
  types?: PgTypes | undefined;
}

/** The same, for rows as arrays. */
export interface PgQueryArrayConfig extends PgQueryConfig {
  rowMode: 'array';
}

/** What a statement gave; `Row` is one row of it. */
export interface PgQueryResult<Row = any> {
  command: string;
  rowCount: number | null;
  oid: number;
  fields: {
    name: string;
    tableID: number;
    columnID: number;
    dataTypeID: number;
    dataTypeSize: number;
    dataTypeModifier: number;
    format: string;
  }[];
  rows: Row[];
}

/** What runs statements: a pool, or a client. */
interface PgQueryable extends EventEmitter {
  query<T extends { submit: (connection: any) => void }>(query: T): T;
  query<R extends any[] = any[]>(
    config: PgQueryArrayConfig,
    values?: readonly any[],
  ): Promise<PgQueryResult<R>>;
  query<R extends { [column: string]: any } = any>(
    textOrConfig: string | PgQueryConfig,
    values?: readonly any[],
  ): Promise<PgQueryResult<R>>;
  query<R extends any[] = any[]>(
    config: PgQueryArrayConfig,
    callback: (error: Error, result: PgQueryResult<R>) => void,
  ): void;
  query<R extends { [column: string]: any } = any>(
    textOrConfig: string | PgQueryConfig,
    callback: (error: Error, result: PgQueryResult<R>) => void,
  ): void;
  query<R extends { [column: string]: any } = any>(
    text: string,
    values: any,
    callback: (error: Error, result: PgQueryResult<R>) => void,
  ): void;
}

/** A `pg.PoolClient`: give it back with `release()`. */
export interface PgPoolClient extends PgQueryable {
  user?: string | undefined;
  database?: string | undefined;
  port: number;
  host: string;
  password?: string | undefined;
  ssl: boolean;
  readonly pipeline: boolean;
  readonly connection: any;
  connect(): Promise<any>;
  connect(callback: (error: any, client?: any) => void): void;
  end(): Promise<void>;
  end(callback: (error: Error) => void): void;
  release(error?: Error | boolean): void;
  copyFrom(text: string): Writable;
  copyTo(text: string): Readable;
  pauseDrain(): void;
  resumeDrain(): void;
  escapeIdentifier: (text: string) => string;
  escapeLiteral: (text: string) => string;
  setTypeParser: (...args: any[]) => void;
  getTypeParser: (...args: any[]) => any;
  getTransactionStatus(): 'I' | 'T' | 'E' | null;
}

/** A `pg.Pool`. */
export interface PgPool extends PgQueryable {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly expiredCount: number;
  readonly ending: boolean;
  readonly ended: boolean;
  options: PgPoolConfig & {
    max: number;
    maxUses: number;
    allowExitOnIdle: boolean;
    maxLifetimeSeconds: number;
    idleTimeoutMillis: number | null;
  };
  connect(): Promise<PgPoolClient>;
  connect(
    callback: (
      error: Error | undefined,
      client: PgPoolClient | undefined,
      done: (release?: any) => void,
    ) => void,
  ): void;
  end(): Promise<void>;
  end(callback: () => void): void;
}
