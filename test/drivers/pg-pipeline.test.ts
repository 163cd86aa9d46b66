/** The pipeline mode of pg: queries leave without waiting for the answers to those before them. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { instrument } from '../../src/drivers/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { collectQueries, inScope, type SeenQuery } from '../support/recorded.ts';

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

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: database.url,
    pipeline: true,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

function booked(seen: readonly SeenQuery[]): unknown {
  return seen.map(({ sql, scope, rowCount, isError }) => [
    scope?.name,
    sql,
    isError ? 'error' : rowCount,
  ]);
}

it('books each query of a pipeline on the request that asked, with its rows and its error', async () => {
  const seen = collectQueries();
  const client = await connected();
  const inFlight: number[] = [];
  await Promise.all([
    inScope('GET /1', async () => {
      const answers = [
        client.query('SELECT generate_series(1, 3)'),
        client.query('SELECT 1 / $1::int', [0]).catch((error) => error.code),
        client.query('SELECT $1::int AS after', [1]),
      ];
      inFlight.push(getRecorder().core.snapshot().inFlightQueries.length);
      expect((await Promise.all(answers))[1]).toBe('22012');
    }),
    inScope('GET /2', () =>
      Promise.all([
        client.query({ name: 'two', text: 'SELECT $1::int AS named', values: [1] }),
        client.query({ name: 'two', text: 'SELECT $1::int AS named', values: [2] }),
      ]),
    ),
    inScope(
      'GET /3',
      () =>
        new Promise<void>((resolve) => {
          client.query('SELECT 3 AS called', () =>
            client.query('SELECT 3 AS inner', () => resolve()),
          );
        }),
    ),
  ]);
  await client.end();
  expect(inFlight).toEqual([3]);
  expect(booked(seen)).toEqual([
    ['GET /1', 'SELECT generate_series(1, 3)', 3],
    ['GET /1', 'SELECT 1 / $1::int', 'error'],
    ['GET /1', 'SELECT $1::int AS after', 1],
    ['GET /2', 'SELECT $1::int AS named', 1],
    ['GET /2', 'SELECT $1::int AS named', 1],
    ['GET /3', 'SELECT 3 AS called', 1],
    ['GET /3', 'SELECT 3 AS inner', 1],
  ]);
});

it('times each from its hand-over to its own answer', async () => {
  const client = await connected();
  const scope = await inScope('GET /', () =>
    Promise.all([
      client.query('SELECT 1 AS quick'),
      client.query('SELECT pg_sleep(0.05)'),
      client.query('SELECT 1 AS behind'),
    ]),
  );
  await client.end();
  const [quick, slow, behind] = scope.queries.map(({ startNs, durationNs }) => ({
    startNs,
    durationNs,
    endNs: startNs + durationNs,
  }));
  expect(slow?.durationNs).toBeGreaterThan(49e6);
  expect(quick?.endNs).toBeLessThan(slow?.endNs ?? 0);
  // It was handed over long before the one in front of it was answered, and waited for that.
  expect(behind?.startNs).toBeLessThan(slow?.endNs ?? 0);
  expect(behind?.endNs).toBeGreaterThanOrEqual(slow?.endNs ?? Infinity);
  // Together no longer than there was.
  expect(scope.busyNs(scope.endNs)).toBeLessThanOrEqual(scope.endNs - scope.startNs);
});

it('has 200 requests through one client with 0 wrong', async () => {
  const seen = collectQueries();
  const client = await connected();
  await Promise.all(
    Array.from({ length: 200 }, (_, id) =>
      inScope(`GET /${id}`, async () => {
        await client.query('SELECT $1::int AS first', [id]);
        await new Promise<void>((resolve) => {
          client.query(`SELECT $1::int AS second${id % 3 === 0 ? ', broken' : ''}`, [id], () => {
            void client.query('SELECT $1::int AS third', [id]).then(() => resolve());
          });
        });
      }),
    ),
  );
  await client.end();
  expect(seen).toHaveLength(600);
  expect(seen.filter(({ scope, values }) => scope?.name !== `GET /${String(values?.[0])}`)).toEqual(
    [],
  );
  expect(seen.filter(({ isError }) => isError)).toHaveLength(67);
});

it('ends what a lost connection leaves behind, each in its scope', async () => {
  const seen = collectQueries();
  const client = await connected();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const asked = ['a', 'b', 'c'].map((name) =>
    inScope(`GET /${name}`, async () => {
      await expect(client.query(`SELECT pg_sleep(60) AS ${name}`)).rejects.toThrow();
    }),
  );
  await database.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  await Promise.all(asked);
  await inScope('GET /late', () => expect(client.query('SELECT 1')).rejects.toThrow('queryable'));
  expect(booked(seen.filter(({ isError }) => isError))).toEqual([
    ['GET /a', 'SELECT pg_sleep(60) AS a', 'error'],
    ['GET /b', 'SELECT pg_sleep(60) AS b', 'error'],
    ['GET /c', 'SELECT pg_sleep(60) AS c', 'error'],
  ]);
});

/** As a cursor is: it has what the driver calls, and is no `Query` of the driver's. */
class Portal {
  readonly text = 'SELECT 1 AS portal';
  failure: unknown;
  submit(): void {
    throw new Error('never submitted');
  }
  handleError(error: unknown): void {
    this.failure = error;
  }
  handleReadyForQuery(): void {}
}

describe('what the driver refuses was never sent, and is not counted', () => {
  it('in a pipeline, among what it sends', async () => {
    const client = await connected();
    const portal = new Portal();
    const handleError: unknown = Reflect.get(portal, 'handleError');
    const scope = await inScope('GET /', async () => {
      const results = await Promise.allSettled([
        client.query({ name: 'one', text: 'SELECT 1 AS sent' }),
        client.query({ name: 'one', text: 'SELECT 2 AS other' }),
        client.query({ text: 'SELECT 1 AS rows', rows: 2 } as pg.QueryConfig),
        client.query({ text: 'SELECT $1::int', values: 'no array' as never }),
        // A submittable comes back as it is.
        Promise.resolve(client.query(portal as never)),
        client.query('SELECT 3 AS sent'),
      ]);

      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        ...['rejected', 'rejected', 'rejected', 'fulfilled'],
        'fulfilled',
      ]);
    });
    expect(String(portal.failure)).toContain('not supported in pipeline mode');
    // Its own methods are back.
    expect(Reflect.get(portal, 'handleError')).toBe(handleError);
    await client.end();
    const after = await inScope('GET /ended', () =>
      expect(client.query('SELECT 4 AS late')).rejects.toThrow('closed'),
    );
    expect([scope.queryCount, after.queryCount]).toEqual([2, 0]);
  });
});
