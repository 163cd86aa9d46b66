/** One program, written once for each framework; the cases are put to all of them. */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';

import pg from 'pg';

import type { PerformanceMiddleware } from '../../../src/performance/index.ts';
import type { TestDatabase } from '../../support/postgres.ts';

/** What the routes of a program do, whatever the framework around them. */
export class Program {
  readonly pool: pg.Pool;
  /** Installed in this order; none where the program is to run as it would without us. */
  readonly middlewares: readonly PerformanceMiddleware[];
  readonly #arrived = new Map<string, () => void>();
  #release: () => void = () => {};
  readonly #released: Promise<void> = new Promise((resolve) => (this.#release = resolve));

  constructor(pool: pg.Pool, middlewares: readonly PerformanceMiddleware[]) {
    this.pool = pool;
    this.middlewares = middlewares;
  }

  /** One query that carries a tag, by which it is found again. */
  async query(tag: string): Promise<string> {
    const { rows } = await this.pool.query<{ tag: string }>('SELECT $1::text AS tag', [tag]);
    return rows[0]?.tag ?? '';
  }

  /** Three queries, by each way that the driver has. */
  async work(tag: string): Promise<string> {
    await this.query(tag);
    const client = await this.pool.connect();
    await client.query('SELECT $1::text AS from_client', [tag]);
    client.release();
    await new Promise<void>((resolve, reject) => {
      this.pool.query('SELECT $1::text AS by_callback', [tag], (error) =>
        error ? reject(error) : resolve(),
      );
    });
    return tag;
  }

  /** The body of a stream: each piece is made when it is asked for, by a query. */
  async *pieces(tag: string): AsyncGenerator<Buffer> {
    for (let piece = 1; piece <= 3; piece += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      yield Buffer.from(`${await this.query(tag)} ${piece}\n`);
    }
  }

  /** A route that does not answer before it may. */
  async wait(tag: string): Promise<string> {
    await this.query(tag);
    this.#arrived.get(tag)?.();
    await this.#released;
    return 'too late';
  }

  arrivalOf(tag: string): Promise<void> {
    return new Promise((resolve) => this.#arrived.set(tag, resolve));
  }

  release(): void {
    this.#release();
  }
}

/**
 * A framework, with a program on it that has these routes:
 *
 *   GET  /hello/:name             `hello NAME`, one query
 *   POST /echo/:name              the length of the body, then one query
 *   GET  /throws                  throws at once
 *   GET  /rejects/:name           one query, then rejects
 *   GET  /moved                   redirects to /hello/there
 *   GET  /stream/:name            the pieces of a stream, one query each
 *   GET  /raw/:name               one query, and an answer on Node's own response
 *   GET  /waits/:name             waits
 *   GET  /work/:name              three queries
 *   GET  /nested/:outer/items/:name   one query, in a router within a router where there are such
 *   GET  /profiled/:name          one query, in a handler wrapped by `profileHandler`
 */
export interface Framework {
  readonly name: string;
  start(program: Program): Promise<Server>;
  /** Its routes have no names where nothing of ours is on the application. */
  readonly isUnnamedOutside?: boolean;
  /** Cases that do not exist here, each with its reason. */
  readonly without?: Readonly<Record<string, string>>;
}

export function createPool(database: TestDatabase): pg.Pool {
  const pool = new pg.Pool({ connectionString: database.url, max: 5 });
  // A connection that is still saying goodbye when its database goes is nobody's fault.
  pool.on('error', () => {});
  return pool;
}

export function newTag(): string {
  return randomUUID().slice(0, 8);
}

/** Starts listening on any free port. */
export async function listening(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
