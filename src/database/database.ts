import pg from 'pg';

import { instrument } from '../drivers/index.ts';
import { HyperDjangoError, OptionError } from '../errors/index.ts';
import { runUnrecorded } from '../recorder/index.ts';
import type {
  PgPool,
  PgPoolClient,
  PgPoolConfig,
  PgQueryConfig,
  PgQueryResult,
} from '../types/pg.ts';
import { describeValue } from '../util/options.ts';

/** A row as `pg` gives it; give your own type to {@link Queryable.query} where you know it. */
export type Row = Record<string, unknown>;

/** What runs statements: a {@link Database}, or a transaction on it. */
export interface Queryable {
  /**
   * Runs one statement.
   *
   * @param sql with `$1`, `$2`, … for the parameters.
   * @returns its rows.
   * @throws the driver's own error, untouched.
   */
  query<T extends object = Row>(sql: string, params?: readonly unknown[]): Promise<T[]>;

  /**
   * Runs one statement.
   *
   * @returns the number of rows it affected; 0 where the server gives none.
   * @throws the driver's own error, untouched.
   */
  execute(sql: string, params?: readonly unknown[]): Promise<number>;

  /**
   * Runs `fn` in a transaction: committed when its promise resolves, rolled back when it rejects.
   * In a transaction it is a savepoint.
   *
   * @throws what `fn` threw; {@link HyperDjangoError} `ERR_HYPERDJANGO_ROLLED_BACK` where `fn`
   * swallowed an error, so that the server could only roll back.
   */
  transaction<T>(fn: (tx: Queryable) => Promise<T>): Promise<T>;
}

/** What {@link Database.poolStats} gives. */
export interface PoolStats {
  /** Open connections. */
  readonly total: number;
  /** Of these, those that wait for work. */
  readonly idle: number;
  /** Of these, those that are checked out. */
  readonly active: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
  /** The most connections that the pool opens. */
  readonly max: number;
}

/**
 * A pool of PostgreSQL connections whose queries are recorded.
 *
 * @example
 * ```ts
 * import { Database } from 'hyperdjango/database';
 *
 * const db = new Database('postgres://localhost/mydb');
 * await db.connect();
 * const users = await db.query<{ name: string }>('SELECT name FROM users WHERE age > $1', [18]);
 * await db.transaction(async (tx) => {
 *   await tx.execute('UPDATE users SET age = age + 1 WHERE name = $1', [users[0]?.name]);
 * });
 * console.log(db.poolStats()); // { total: 1, idle: 1, active: 0, waiting: 0, max: 10 }
 * await db.close();
 * ```
 */
export class Database implements Queryable {
  /** The pool underneath, for libraries that want one. */
  readonly pool: PgPool;
  readonly #config: PgPoolConfig;
  #closing: Promise<void> | undefined;

  /**
   * Opens nothing yet: see {@link Database.connect}.
   *
   * @param urlOrConfig `postgres://…`, or what `pg.Pool` takes.
   * @throws {OptionError} where it is neither.
   */
  constructor(urlOrConfig: string | PgPoolConfig) {
    this.#config = poolConfig(urlOrConfig);
    instrument(pg);
    this.pool = new pg.Pool(this.#config);
    // pg emits the error of an idle connection here, and Node ends the process where nobody
    // listens. The pool has dropped the connection already; the next query opens another.
    this.pool.on('error', ignore);
  }

  /**
   * Proves that the server answers.
   *
   * @throws {HyperDjangoError} `ERR_HYPERDJANGO_CONNECT`, with the driver's error as its `cause`.
   */
  async connect(): Promise<void> {
    try {
      await runUnrecorded(() => this.pool.query('SELECT 1'));
    } catch (cause) {
      // The driver reads the URL, the config and PGHOST; a client knows what came of them.
      const { host, port, database } = new pg.Client(this.#config);
      throw new HyperDjangoError(
        'ERR_HYPERDJANGO_CONNECT',
        `Database.connect(): ${host}:${port}/${database} does not let us in: ${inWords(reasonOf(cause))}`,
        { cause },
      );
    }
  }

  async query<T extends object = Row>(sql: string, params: readonly unknown[] = []): Promise<T[]> {
    return (await run(this.pool, sql, params)).rows as T[];
  }

  async execute(sql: string, params: readonly unknown[] = []): Promise<number> {
    return (await run(this.pool, sql, params)).rowCount ?? 0;
  }

  async transaction<T>(fn: (tx: Queryable) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    // While a client is checked out the pool does not listen, and an 'error' that nobody hears
    // ends the process. The statements in the transaction reject by themselves.
    client.on('error', ignore);
    let brokenBy: Error | undefined;
    try {
      return await inTransaction(client, fn);
    } catch (error) {
      if (error instanceof UnknownState) {
        brokenBy = error;
        throw error.cause;
      }
      throw error;
    } finally {
      client.off('error', ignore);
      client.release(brokenBy);
    }
  }

  /** What the pool is doing now. */
  poolStats(): PoolStats {
    const { totalCount: total, idleCount: idle, waitingCount: waiting, options } = this.pool;
    return { total, idle, active: total - idle, waiting, max: options.max ?? 10 };
  }

  /** Closes every connection when its work is done; a second call waits for the first. */
  close(): Promise<void> {
    this.#closing ??= this.pool.end();
    return this.#closing;
  }
}

function ignore(): void {}

function poolConfig(urlOrConfig: unknown): PgPoolConfig {
  const option = 'new Database(urlOrConfig)';
  if (typeof urlOrConfig === 'object' && urlOrConfig !== null && !Array.isArray(urlOrConfig)) {
    const config = urlOrConfig as PgPoolConfig;
    if (config.connectionString !== undefined) checkUrl(option, config.connectionString);
    return config;
  }
  checkUrl(option, urlOrConfig);
  return { connectionString: urlOrConfig };
}

function checkUrl(option: string, url: unknown): asserts url is string {
  // The text of a URL stays out of the message: it may hold a password.
  const expected = 'a postgres:// URL or a pg.PoolConfig';
  if (typeof url !== 'string') throw new OptionError(option, expected, describeValue(url));
  if (!URL.canParse(url)) {
    throw new OptionError(option, expected, `${describeValue(url)} that is not a URL`);
  }
  const { protocol } = new URL(url);
  if (protocol !== 'postgres:' && protocol !== 'postgresql:') {
    throw new OptionError(option, expected, `a ${protocol}// URL`);
  }
}

/** What the codes mean that a connection fails with most often. */
const MEANINGS: Readonly<Record<string, string>> = {
  '28000': 'the server takes no such user from here, or none without TLS; see its pg_hba.conf',
  '28P01': 'the password is wrong for this user, or there is no such user',
  '3D000': 'there is no database of this name',
  '42501': 'the user may not connect to this database',
  '53300': 'the server has no connection left',
  '57P03': 'the server is starting, or shutting down',
  ECONNREFUSED: 'nothing listens at this address: is the server running?',
  ECONNRESET: 'the connection was cut',
  EACCES: 'the socket may not be opened by this user',
  EAI_AGAIN: 'the host name could not be looked up for now',
  EHOSTUNREACH: 'the host cannot be reached',
  ENOENT: 'there is no such socket',
  ENOTFOUND: 'there is no host of this name',
  ETIMEDOUT: 'the host gives no answer',
};

function inWords(code: string): string {
  const meaning = Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;
  return meaning === undefined ? code : `${meaning} (${code})`;
}

/** SQLSTATE or system error code; the message of a server's error may quote what it was given. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown';
  const { code } = cause as { code?: unknown };
  if (typeof code === 'string') return code;
  // Happy Eyeballs: one error for each address that was tried.
  const [first] = cause instanceof AggregateError ? (cause.errors as unknown[]) : [];
  return first === undefined ? cause.message : reasonOf(first);
}

function run(
  target: PgPool | PgPoolClient,
  sql: string,
  params: readonly unknown[],
): Promise<PgQueryResult> {
  // The extended protocol refuses a second statement in the text; pg would use the simple one
  // where there are no parameters.
  return target.query({
    text: sql,
    values: params as unknown[],
    queryMode: 'extended',
  } as object as PgQueryConfig);
}

/** Nobody can tell whether the connection is in a transaction: it must not be used again. */
class UnknownState extends Error {}

/** @throws {UnknownState} with the driver's error as its cause, where no answer came in time. */
async function control(client: PgPoolClient, sql: string): Promise<PgQueryResult> {
  try {
    return await client.query(sql);
  } catch (error) {
    if (error instanceof pg.DatabaseError) throw error;
    throw new UnknownState(`${sql} failed`, { cause: error });
  }
}

/** @throws {UnknownState} with the original error as its cause. */
async function inTransaction<T>(
  client: PgPoolClient,
  fn: (tx: Queryable) => Promise<T>,
): Promise<T> {
  await control(client, 'BEGIN');
  let result: T;
  try {
    result = await fn(transactionOn(client, 1));
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      throw new UnknownState('ROLLBACK failed', { cause: error });
    });
    throw error;
  }
  const { command } = await control(client, 'COMMIT');
  if (command === 'ROLLBACK') {
    throw new HyperDjangoError(
      'ERR_HYPERDJANGO_ROLLED_BACK',
      'transaction(): a statement in it failed and the error was caught, so the server rolled back',
    );
  }
  return result;
}

function transactionOn(client: PgPoolClient, depth: number): Queryable {
  return {
    async query<T extends object>(sql: string, params: readonly unknown[] = []): Promise<T[]> {
      return (await run(client, sql, params)).rows as T[];
    },
    async execute(sql, params = []) {
      return (await run(client, sql, params)).rowCount ?? 0;
    },
    async transaction(fn) {
      const savepoint = `hyperdjango_${depth}`;
      await client.query(`SAVEPOINT ${savepoint}`);
      try {
        const result = await fn(transactionOn(client, depth + 1));
        await client.query(`RELEASE SAVEPOINT ${savepoint}`);
        return result;
      } catch (error) {
        // Where this fails the connection is lost, and the ROLLBACK outside will find out.
        await client.query(`ROLLBACK TO SAVEPOINT ${savepoint}`).catch(() => {});
        throw error;
      }
    },
  };
}
