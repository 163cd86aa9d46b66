import { runUnrecorded } from '../recorder/index.ts';
import type pg from 'pg';

import { HyperDjangoError } from '../errors/index.ts';
import { sidePoolOf, streamOf } from './pool-source.ts';

interface Run {
  readonly timeoutMs: number;
  /** Someone waits for the result, for whom the process has to stay. */
  readonly isAwaited: boolean;
}

/**
 * One connection of the tool's own beside the application's pool, opened at first use. What runs
 * on it is never recorded, has a time limit, and by itself does not keep the process alive.
 */
export class SideConnection {
  readonly #beside: pg.Pool;
  #pool: pg.Pool | undefined;
  #client: pg.PoolClient | undefined;
  #isClosed = false;

  /** @param beside the application's own. */
  constructor(beside: pg.Pool) {
    this.#beside = beside;
  }

  /**
   * Runs `work` when the work before it is done. A connection on which work failed is not used
   * again: its transaction may be open, or the server gone.
   *
   * @throws what `work` throws; `ERR_HYPERDJANGO_CONNECT` where there is no end after `timeoutMs`.
   */
  run<T>(work: (client: pg.PoolClient) => Promise<T>, { timeoutMs, isAwaited }: Run): Promise<T> {
    return runUnrecorded(async () => {
      const limit = startLimit(timeoutMs);
      if (!isAwaited) limit.timer.unref();
      try {
        return await this.#run(work, limit);
      } finally {
        clearTimeout(limit.timer);
      }
    });
  }

  /** Ends the connection, work that is under way included; it fails. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#client !== undefined) streamOf(this.#client)?.destroy?.();
    this.#pool?.end().catch(() => {});
  }

  async #run<T>(work: (client: pg.PoolClient) => Promise<T>, limit: Limit): Promise<T> {
    if (this.#isClosed)
      throw new HyperDjangoError('ERR_HYPERDJANGO_STATE', 'SlowQueryLog: it is closed');
    this.#pool ??= sidePoolOf(this.#beside);
    const connecting = this.#pool.connect();
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
  readonly timer: NodeJS.Timeout;
  /** Rejects when the time is over. */
  readonly expired: Promise<never>;
}

function startLimit(timeoutMs: number): Limit {
  let expire = ignore;
  const expired = new Promise<never>((_, reject) => {
    expire = () =>
      reject(
        new HyperDjangoError(
          'ERR_HYPERDJANGO_CONNECT',
          `SlowQueryLog: no answer within ${timeoutMs} ms`,
        ),
      );
  });
  expired.catch(ignore);
  return { timer: setTimeout(expire, timeoutMs), expired };
}

function ignore(): void {}
