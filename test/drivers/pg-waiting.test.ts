/** Who waits for a client of an exhausted pool, and who gets none. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { instrument } from '../../src/drivers/index.ts';
import { formatProfile } from '../../src/profiling/x-profile.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { inScope } from '../support/recorded.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  instrument(pg);
});

afterEach(() => {
  const { core, faultCount } = getRecorder();
  expect(core.snapshot().inFlightQueries).toEqual([]);
  expect(faultCount).toBe(0);
});

afterAll(async () => {
  await database.drop();
});

/** Everything in flight, by route and statement. */
function inFlight(): unknown[] {
  const { core } = getRecorder();
  const { inFlightQueries, inFlightRequests, routes } = core.snapshot();
  return inFlightQueries.map(({ isWaiting, statementId, requestHandle }) => {
    const request = inFlightRequests.find(({ handle }) => handle === requestHandle);
    const route = routes.find(({ id }) => id === request?.routeId);
    return [isWaiting, core.statement(statementId)?.text, route?.route];
  });
}

function sums(): { poolWaitNs: number; poolTimeoutCount: number; queryCount: number } {
  const { totals, queryCount } = getRecorder().core.snapshot();
  return { ...totals, queryCount };
}

function timesOf(pool: pg.Pool): unknown {
  const name = new URL(pool.options.connectionString ?? '').pathname;
  return getRecorder()
    .pools.states()
    .findLast((state) => state.name.endsWith(name) && state.max === pool.options.max)?.times;
}

describe('who waits for a client', () => {
  it('is in flight, with the statement where it is known, and is no query', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const held = await pool.connect();
    const before = sums().queryCount;
    const waiting = Promise.all([
      inScope('GET /query', () => pool.query('SELECT 1 AS waits')),
      inScope('GET /connect', async () => {
        const client = await pool.connect();
        client.release();
      }),
      inScope('GET /callback', () => {
        return new Promise<void>((resolve) => {
          pool.connect((_, __, release) => {
            release();
            resolve();
          });
        });
      }),
    ]);
    // Most waits are over in a moment, and are not shown.
    expect(inFlight()).toEqual([]);
    await expect.poll(inFlight).toEqual([
      [true, 'SELECT $1 AS waits', 'GET /query'],
      [true, '<other>', 'GET /connect'],
      [true, '<other>', 'GET /callback'],
    ]);
    held.release();
    const [query] = await waiting;
    expect(query.poolWaitNs).toBeGreaterThan(0);
    expect(sums().queryCount - before).toBe(1);
    expect(sums().poolTimeoutCount).toBe(0);
    await pool.end();
  });

  it('is in flight while a connection is opened for it, and not where a client lies ready', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    const unanswered = new pg.Pool({ connectionString: `postgres://u@127.0.0.1:${port}/silent` });
    const opening = unanswered.query('SELECT 1 AS opens');
    await expect.poll(inFlight).toEqual([[true, 'SELECT $1 AS opens', undefined]]);
    for (const socket of sockets) socket.destroy();
    await expect(opening).rejects.toThrow('terminated');
    await unanswered.end();
    await new Promise((resolve) => silent.close(resolve));
    const pool = new pg.Pool({ connectionString: database.url, max: 2 });
    await pool.query('SELECT 1 AS opens');
    const ready = pool.query('SELECT 1 AS ready');
    expect(inFlight()).toEqual([]);
    await ready;
    await pool.end();
  });

  it('is not, where that is the tool itself', async () => {
    const pool = new pg.Pool({
      connectionString: database.url,
      max: 1,
      connectionTimeoutMillis: 40,
    });
    const held = await pool.connect();
    const before = sums();
    const own = getRecorder().runUnrecorded(() => pool.query('SELECT 1 AS own'));
    expect(inFlight()).toEqual([]);
    await expect(own).rejects.toThrow('timeout exceeded');
    held.release();
    await pool.end();
    expect(sums()).toMatchObject({
      poolTimeoutCount: before.poolTimeoutCount,
      poolWaitNs: before.poolWaitNs,
    });
  });
});

describe('a wait that ends without a client', () => {
  it.each([
    ['pool.query()', (pool: pg.Pool): Promise<unknown> => pool.query('SELECT 1 AS never')],
    ['pool.connect()', (pool: pg.Pool): Promise<unknown> => pool.connect()],
    [
      'pool.connect() with a callback',
      (pool: pg.Pool): Promise<unknown> =>
        new Promise((resolve, reject) => {
          pool.connect((error) => (error ? reject(error) : resolve(undefined)));
        }),
    ],
  ])('counts in the scope, its header, totals and those of the pool: %s', async (_, ask) => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const held = await pool.connect();
    // Not before: a busy machine may take longer to open a connection.
    pool.options.connectionTimeoutMillis = 40;
    const before = sums();
    const scope = await inScope('GET /exhausted', () =>
      expect(ask(pool)).rejects.toThrow('timeout exceeded'),
    );
    const after = sums();
    expect(scope.queryCount).toBe(0);
    expect(scope.poolWaitNs / 1e6).toBeGreaterThan(35);
    const header = formatProfile(scope, { handlerNs: 0, isMeasuring: false }, scope.endNs);
    expect(Number(/pool=([\d.]+)ms/.exec(header)?.[1])).toBeGreaterThan(35);
    expect(after.poolTimeoutCount - before.poolTimeoutCount).toBe(1);
    expect(after.poolWaitNs - before.poolWaitNs).toBe(scope.poolWaitNs);
    expect(after.queryCount).toBe(before.queryCount);
    expect(timesOf(pool)).toMatchObject({ checkoutCount: 1, timeoutCount: 1 });
    held.release();
    await pool.end();
  });

  it('counts where no connection could be opened in time, and where none could be at all', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    const pool = new pg.Pool({
      connectionString: `postgres://u@127.0.0.1:${port}/silent`,
      max: 1,
      connectionTimeoutMillis: 40,
    });
    const scope = await inScope('GET /silent', async () => {
      const [first, second] = await Promise.allSettled([
        pool.query('SELECT 1 AS first'),
        pool.query('SELECT 1 AS second'),
      ]);
      expect([first.status, second.status]).toEqual(['rejected', 'rejected']);
    });
    expect(scope.poolWaitNs / 1e6).toBeGreaterThan(70);
    expect(timesOf(pool)).toMatchObject({ checkoutCount: 0, timeoutCount: 2 });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
    pool.options.connectionTimeoutMillis = 0;
    const before = sums().poolTimeoutCount;
    await expect(pool.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(sums().poolTimeoutCount - before).toBe(1);
    await pool.end();
  });

  it('counts in each request of many', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const held = await pool.connect();
    pool.options.connectionTimeoutMillis = 60;
    const before = sums().poolTimeoutCount;
    const scopes = await Promise.all(
      Array.from({ length: 50 }, (_, id) =>
        inScope(`GET /${id}`, () => pool.query('SELECT 1').catch(() => {})),
      ),
    );
    expect(scopes.filter(({ poolWaitNs }) => poolWaitNs < 55e6)).toEqual([]);
    expect(sums().poolTimeoutCount - before).toBe(50);
    held.release();
    await pool.end();
  });
});
