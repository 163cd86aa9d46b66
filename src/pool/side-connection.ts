import type pg from 'pg';

import type { Database } from '../database/index.ts';
import { HyperDjangoError } from '../errors/index.ts';
import { runUnrecorded } from './unrecorded.ts';

/**
 * One connection of the tool's own beside the application's pool, opened at first use. What runs
 * on it is never recorded, has a time limit, and does not keep the process alive.
 */
export class SideConnection {
  readonly #db: Database;
  #pool: pg.Pool | undefined;
  #client: pg.PoolClient | undefined;
  #isClosed = false;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Runs `work` when the work before it is done. A connection on which work failed is not used
   * again: its transaction may be open, or the server gone.
   *
   * @throws what `work` throws; `ERR_HYPERDJANGO_CONNECT` where there is no end after `timeoutMs`.
   */
  run<T>(work: (client: pg.PoolClient) => Promise<T>, timeoutMs: number): Promise<T> {
    return runUnrecorded(() => this.#run(work, timeoutMs));
  }

  /** Ends the connection, work that is under way included; it fails. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#client?.connection.stream.destroy();
    this.#pool?.end().catch(() => {});
  }

  async #run<T>(work: (client: pg.PoolClient) => Promise<T>, timeoutMs: number): Promise<T> {
    if (this.#isClosed) throw new HyperDjangoError('ERR_HYPERDJANGO_STATE', 'it is closed');
    this.#pool ??= this.#db.sidePool(1);
    const connecting = this.#pool.connect();
    const limit = startLimit(timeoutMs);
    let client: pg.PoolClient | undefined;
    let hasFailed = true;
    try {
      client = await Promise.race([connecting, limit.expired]);
      // A client that is checked out and loses its connection throws where nobody listens.
      client.on('error', ignore);
      this.#client = client;
      const result = await Promise.race([work(client), limit.expired]);
      hasFailed = false;
      return result;
    } finally {
      limit.clear();
      this.#client = undefined;
      if (client === undefined) {
        connecting.then((late) => late.release(true), ignore);
      } else {
        client.release(hasFailed);
        client.off('error', ignore);
      }
    }
  }
}

interface Limit {
  /** Rejects when the time is over. */
  readonly expired: Promise<never>;
  clear(): void;
}

function startLimit(timeoutMs: number): Limit {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new HyperDjangoError('ERR_HYPERDJANGO_CONNECT', `no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    timer.unref();
  });
  expired.catch(ignore);
  return { expired, clear: () => clearTimeout(timer) };
}

function ignore(): void {}
