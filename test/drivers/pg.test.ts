import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { instrument, uninstrument } from '../../src/drivers/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { collectQueries, inScope } from '../support/recorded.ts';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 4 });
  instrument(pg);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function withClient<T>(fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}

// oxlint-disable typescript/unbound-method -- the methods themselves are what is compared

describe('every way of asking is recorded once', () => {
  it('promises and callbacks, of the pool and of a client, with and without values', async () => {
    const seen = collectQueries();
    await pool.query('SELECT 1 AS pool_promise');
    await pool.query('SELECT $1::int AS pool_values', [2]);
    await new Promise<void>((resolve, reject) => {
      pool.query('SELECT 1 AS pool_callback', (error) => (error ? reject(error) : resolve()));
    });
    await withClient(async (client) => {
      await client.query('SELECT 1 AS client_promise');
      await client.query({ text: 'SELECT $1::int AS client_config', values: [3] });
      await client.query({ name: 'named', text: 'SELECT $1::int AS client_named', values: [4] });
      await client.query({ name: 'named', text: 'SELECT $1::int AS client_named', values: [5] });
      await new Promise<void>((resolve, reject) => {
        client.query('SELECT $1::int AS client_callback', [6], (error) =>
          error ? reject(error) : resolve(),
        );
      });
    });
    expect(seen.map(({ sql, values }) => [sql, values])).toEqual([
      ['SELECT 1 AS pool_promise', undefined],
      ['SELECT $1::int AS pool_values', [2]],
      ['SELECT 1 AS pool_callback', undefined],
      ['SELECT 1 AS client_promise', undefined],
      ['SELECT $1::int AS client_config', [3]],
      ['SELECT $1::int AS client_named', [4]],
      ['SELECT $1::int AS client_named', [5]],
      ['SELECT $1::int AS client_callback', [6]],
    ]);
    expect(seen.every(({ durationMs }) => durationMs > 0)).toBe(true);
    expect(seen.every(({ rowCount, isError }) => rowCount === 1 && !isError)).toBe(true);
  });

  it('a Query object that the application made and listens to', async () => {
    const seen = collectQueries();
    await withClient(async (client) => {
      const query = new pg.Query('SELECT generate_series(1, 3) AS n');
      const rows: unknown[] = [];
      query.on('row', (row) => rows.push(row.n));
      await new Promise((resolve) => {
        query.on('end', resolve);
        client.query(query);
      });
      expect(rows).toEqual([1, 2, 3]);
    });
    expect(seen.map(({ sql }) => sql)).toEqual(['SELECT generate_series(1, 3) AS n']);
  });

  it('several queries that wait in one busy client, each with its own end', async () => {
    const seen = collectQueries();
    await withClient(async (client) => {
      await Promise.all([
        client.query('SELECT pg_sleep(0.02)'),
        client.query('SELECT 1 AS same'),
        client.query('SELECT 1 AS same'),
      ]);
    });
    expect(seen.map(({ sql }) => sql)).toEqual([
      'SELECT pg_sleep(0.02)',
      'SELECT 1 AS same',
      'SELECT 1 AS same',
    ]);
    // From the hand-over to the connection: the wait behind the first one is not theirs.
    expect(seen[0]?.durationMs).toBeGreaterThan(15);
    expect(seen[1]?.durationMs).toBeLessThan(seen[0]?.durationMs ?? 0);
  });

  it('errors of the server, and not what the driver refuses: that was never sent', async () => {
    const seen = collectQueries();
    await expect(pool.query('SELECT nonsense_column')).rejects.toMatchObject({ code: '42703' });
    await withClient(async (client) => {
      await expect(
        client.query({ text: 'SELECT $1', values: 'no array' as never }),
      ).rejects.toThrow('Query values must be an array');
      await client.query({ name: 'one', text: 'SELECT 1 AS one' });
      await expect(client.query({ name: 'one', text: 'SELECT 2 AS two' })).rejects.toThrow(
        'Prepared statements must be unique',
      );
      // Refused when its turn comes.
      await Promise.all([
        client.query('SELECT 1 AS busy'),
        expect(client.query({ text: 'SELECT $1', values: 7 as never })).rejects.toThrow('array'),
        client.query('SELECT 1 AS behind'),
      ]);
      await expect(client.query({} as never)).rejects.toThrow('either text or a name');
    });
    const client = new pg.Client(database.url);
    await client.connect();
    await client.end();
    await expect(client.query('SELECT 1 AS too_late')).rejects.toThrow('not queryable');
    expect(seen.map(({ sql, isError }) => [sql, isError])).toEqual([
      ['SELECT nonsense_column', true],
      ['SELECT 1 AS one', false],
      ['SELECT 1 AS busy', false],
      ['SELECT 1 AS behind', false],
    ]);
    expect(getRecorder().core.snapshot().inFlightQueries).toEqual([]);
  });

  it('queries that a lost connection leaves behind, the waiting ones too', async () => {
    const seen = collectQueries();
    const client = new pg.Client(database.url);
    client.on('error', () => {});
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const running = client.query('SELECT pg_sleep(60)');
    const waiting = client.query('SELECT 1 AS never_sent');
    const outcomes = Promise.allSettled([running, waiting]);
    await database.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(seen.filter(({ isError }) => isError).map(({ sql }) => sql)).toEqual([
      'SELECT pg_sleep(60)',
      'SELECT 1 AS never_sent',
    ]);
    expect(getRecorder().core.snapshot().inFlightQueries).toEqual([]);
  });

  it('nothing at all for a call that the driver refuses', async () => {
    const seen = collectQueries();
    await withClient(async (client) => {
      expect(() => client.query(null as never)).toThrow(TypeError);
      expect(() => client.query('SELECT 1', [], 'no function' as never)).toThrow(TypeError);
    });
    expect(seen).toEqual([]);
  });
});

describe('the right scope', () => {
  it('books every query on the request that issued it, on a saturated pool', async () => {
    const seen = collectQueries();
    const small = new pg.Pool({ connectionString: database.url, max: 2 });
    const ask = (id: number): Promise<unknown> =>
      inScope(`GET /${id}`, async () => {
        await small.query('SELECT $1::int AS pool_promise', [id]);
        await new Promise<void>((resolve) => {
          small.query('SELECT $1::int AS pool_callback', [id], () => resolve());
        });
        const client = await small.connect();
        await client.query('SELECT $1::int AS client_promise', [id]);
        client.release();
        await new Promise<void>((resolve) => {
          small.connect((_, connected, release) => {
            connected?.query('SELECT $1::int AS client_callback', [id], () => {
              release();
              resolve();
            });
          });
        });
      });
    await Promise.all(Array.from({ length: 50 }, (_, id) => ask(id)));
    await small.end();
    const wrong = seen.filter(({ scope, values }) => scope?.name !== `GET /${String(values?.[0])}`);
    expect(seen).toHaveLength(200);
    expect(wrong).toEqual([]);
    expect(seen.every(({ source }) => source === small)).toBe(true);
    expect(Math.max(...seen.map(({ poolWaitMs }) => poolWaitMs))).toBeGreaterThan(0);
  });

  it('leaves the tool’s own queries out', async () => {
    const seen = collectQueries();
    await inScope('GET /', () => getRecorder().runUnrecorded(() => pool.query('SELECT 1')));
    expect(seen).toEqual([]);
  });
});

describe('the application cannot tell', () => {
  const shape = async (): Promise<unknown> => {
    const events: string[] = [];
    const client = new pg.Client(database.url);
    await client.connect();
    const returned = client.query('SELECT 1 AS one');
    const order = [
      returned.then(() => events.push('first')),
      client.query('SELECT broken').catch((error: pg.DatabaseError) => {
        events.push(`${error.code} ${error.constructor.name}`);
      }),
      client.query('SELECT 2 AS two').then(() => events.push('third')),
    ];
    await Promise.all(order);
    const listeners = client.eventNames().map((name) => [name, client.listenerCount(name)]);
    const { connect, query } = { connect: pg.Pool.prototype.connect, query: client.query };
    await client.end();
    return {
      events,
      listeners,
      isPromise: returned.constructor === Promise,
      named: [connect.name, connect.length, query.name, query.length],
      keys: Object.keys(pg.Client.prototype),
      submit: Object.getOwnPropertyDescriptor(pg.Query.prototype, 'submit')?.enumerable,
    };
  };

  it('from results, errors, order, listeners, names or lengths', async () => {
    uninstrument(pg);
    const without = await shape();
    instrument(pg);
    expect(await shape()).toEqual(without);
  });

  it('and hooks releases when the application first takes a client itself', async () => {
    uninstrument(pg);
    const { prototype } = pg.Pool as unknown as { prototype: Record<string, unknown> };
    const { _release: original } = prototype;
    instrument(pg);
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    await pool.query('SELECT 1');
    expect(prototype['_release']).toBe(original);
    const held = await pool.connect();
    expect(prototype['_release']).not.toBe(original);
    held.release();
    await pool.end();
    uninstrument(pg);
    expect(prototype['_release']).toBe(original);
    instrument(pg);
  });

  it('after uninstrument, which restores identity, however often either is called', () => {
    uninstrument(pg);
    const methods = (): unknown[] => [
      pg.Client.prototype.query,
      pg.Query.prototype.submit,
      Object.getPrototypeOf(pg.Pool.prototype).connect,
      Object.getOwnPropertySymbols(pg.Client.prototype).length,
    ];
    const before = methods();
    instrument(pg);
    instrument(pg);
    expect(methods()).not.toEqual(before);
    uninstrument(pg);
    uninstrument(pg);
    expect(methods()).toEqual(before);
    instrument(pg);
  });

  it('still crashes where nobody handles a rejection', async () => {
    const rejections: unknown[] = [];
    const listener = (reason: unknown): number => rejections.push(reason);
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', listener);
    void pool.query('SELECT unhandled_column');
    await pool.query('SELECT 1').catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    await expect.poll(() => rejections).toMatchObject([{ code: '42703' }]);
    process.off('unhandledRejection', listener);
    for (const other of others) process.on('unhandledRejection', other);
  });
});

describe('instrument', () => {
  it('takes a pool or a client too', () => {
    uninstrument(pg);
    instrument(pool);
    const client = new pg.Client(database.url);
    instrument(client);
    uninstrument(client);
    uninstrument(pool);
    instrument(pg);
  });

  it.each([undefined, null, 7, 'pg', {}, [], () => {}])('refuses %s', (target) => {
    expect(() => instrument(target as never)).toThrow(OptionError);
    expect(() => instrument(target as never)).toThrow(
      /^instrument\(target\): expected a pg module, Pool or Client, an sql of postgres.js, .*, got /,
    );
  });
});
