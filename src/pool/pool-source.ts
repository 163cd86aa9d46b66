/** The pool that something is made for, and a second one like it for the tool's own work. */
import type { Socket } from 'node:net';

import type pg from 'pg';

import type { Database } from '../database/index.ts';
import { OptionError } from '../errors/index.ts';
import { describeValue } from '../util/options.ts';

/**
 * A pool of `pg`: of any copy of it, a subclass, or one that is made like it, such as Neon's.
 *
 * @example
 * ```ts
 * import { SlowQueryLog, type PoolLike } from 'hyperdjango/pool';
 * import pg from 'pg';
 *
 * const pool: PoolLike = new pg.Pool({ connectionString: 'postgres://localhost/mydb' });
 * const slowLog = new SlowQueryLog(pool);
 * await slowLog.close();
 * ```
 */
export interface PoolLike {
  /** Open connections. */
  readonly totalCount: number;
  /** Of these, those that wait for work. */
  readonly idleCount: number;
  /** Callers that wait for a connection. */
  readonly waitingCount: number;
  /** What the pool was made with; a connection of the tool's own is opened by them. */
  readonly options: object;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * @throws {OptionError} unless it is a `Database` or a pool.
 *
 * @internal
 */
export function poolOf(owner: string, source: Database | PoolLike): pg.Pool {
  const given: unknown = source;
  if (typeof given === 'object' && given !== null) {
    const pool: unknown = 'pool' in given ? given.pool : given;
    if (isPool(pool)) return pool;
  }
  throw new OptionError(`new ${owner}(db)`, 'a Database or a pg.Pool', describeValue(source));
}

function isPool(value: unknown): value is pg.Pool {
  if (typeof value !== 'object' || value === null) return false;
  const pool = value as Partial<pg.Pool>;
  return (
    typeof pool.connect === 'function' &&
    typeof pool.query === 'function' &&
    typeof pool.on === 'function' &&
    typeof pool.totalCount === 'number' &&
    typeof pool.options === 'object'
  );
}

type ClientClass = new (config?: pg.ClientConfig) => pg.Client;
type PoolClass = new (options: pg.PoolConfig, Client: ClientClass) => pg.Pool;

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * A pool of one connection to the same server, so that the tool's own work never takes one from
 * the application. It never keeps the process alive; whoever queries it sets the time limit.
 *
 * @internal
 */
export function sidePoolOf(pool: pg.Pool): pg.Pool {
  const { options, Client } = pool as unknown as { options: pg.PoolConfig; Client: ClientClass };
  const side = new (baseOf(pool))(
    {
      ...options,
      // The pool hides it from whoever lists its options.
      ...(options.password === undefined ? {} : { password: options.password }),
      Client: sideClientOf(Client),
      max: 1,
      min: 0,
      allowExitOnIdle: true,
      // The timers behind these two of the driver's limits keep a process alive.
      connectionTimeoutMillis: 0,
      query_timeout: 0,
      application_name: 'hyperdjango',
    },
    Client,
  );
  side.on('error', ignore);
  return side;
}

/** pg-pool's own class: a constructor of the application's own may do anything. */
function baseOf(pool: pg.Pool): PoolClass {
  let base: object = pool;
  for (let at: object | null = pool; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, 'connect') && Object.hasOwn(at, 'constructor')) base = at;
  }
  return base.constructor as PoolClass;
}

/** Clients that let the process end while they connect, work or wait. */
function sideClientOf(Client: ClientClass): ClientClass {
  return class SideClient extends Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
      // Where an address after the first one is tried, the socket is another one underneath.
      streamOf(this)?.once?.('connect', () => this.unref());
    }

    override connect(): Promise<pg.Client>;
    override connect(callback: (error: Error | null, client?: pg.Client) => void): void;
    override connect(callback?: (error: Error | null, client?: pg.Client) => void): unknown {
      const connected = super.connect(callback as never) as unknown;
      this.unref();
      return connected;
    }

    /** The pool calls this when it hands the client out. */
    ref(): void {}

    unref(): void {
      streamOf(this)?.unref?.();
    }
  };
}

/**
 * Undefined for a client that has no socket in JavaScript, as that of pg-native.
 *
 * @internal
 */
export function streamOf(client: pg.ClientBase): Partial<Socket> | undefined {
  return (client as { connection?: { stream?: Partial<Socket> } }).connection?.stream;
}

function ignore(): void {}
