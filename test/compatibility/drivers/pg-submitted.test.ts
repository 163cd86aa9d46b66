/** What else is given to a client of pg than queries of its own: cursors, streams, COPY. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { instrument } from '../../../src/drivers/index.ts';
import { getRecorder } from '../../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { collectQueries, inScope } from '../../support/recorded.ts';

// oxlint-disable typescript/no-explicit-any -- they bring no types of their own
const load = async (name: string): Promise<any> => {
  const module = await import(name);
  return module.default ?? module;
};
const pg = await load('pg');
const Cursor = await load('pg-cursor');
const QueryStream = await load('pg-query-stream');
const { from, to } = await load('pg-copy-streams');

let database: TestDatabase;
let client: any;

beforeAll(async () => {
  database = await createDatabase();
  instrument(pg);
  client = new pg.Client(database.url);
  await client.connect();
  await client.query('CREATE TABLE items (id int)');
});

afterEach(() => {
  const { core, faultCount } = getRecorder();
  expect(core.snapshot().inFlightQueries).toEqual([]);
  expect(faultCount).toBe(0);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** The rows of each query of a scope in which `fn` runs, on a client that is idle again. */
async function rowsOf(fn: () => Promise<unknown>): Promise<number[]> {
  const scope = await inScope('GET /', async () => {
    await fn();
    await getRecorder().runUnrecorded(() => client.query('SELECT 1'));
  });
  return scope.queries.map(({ rowCount }) => rowCount);
}

const SERIES = 'SELECT generate_series(1, 250) AS n';

describe('a cursor', () => {
  it('counts what was read of it, to its end or closed early', async () => {
    const whole = new Cursor(SERIES);
    const early = new Cursor(SERIES);
    expect(
      await rowsOf(async () => {
        client.query(whole);
        while ((await whole.read(100)).length > 0);
        client.query(early);
        await early.read(30);
        await early.read(20);
        await early.close();
      }),
    ).toEqual([250, 50]);
  });

  it('that is not read from was described, and is no query', async () => {
    const cursor = new Cursor(SERIES);
    const queued = new Cursor(SERIES);
    expect(
      await rowsOf(async () => {
        client.query(cursor);
        await cursor.close();
        // Read from before its turn comes.
        const busy = client.query('SELECT 1 AS busy');
        client.query(queued);
        const rows = await queued.read(7);
        await queued.close();
        await busy;
        expect(rows).toHaveLength(7);
      }),
    ).toEqual([1, 7]);
    expect(Object.keys(cursor)).not.toContain('submit');
    expect(Object.keys(cursor)).not.toContain('read');
  });

  it('counts what a statement without rows affects, and fails as one', async () => {
    const insert = new Cursor('INSERT INTO items SELECT generate_series(1, 4)');
    const broken = new Cursor('SELECT broken');
    const seen = collectQueries();
    await inScope('GET /', async () => {
      client.query(insert);
      await insert.read(10);
      client.query(broken);
      await expect(broken.read(10)).rejects.toThrow('broken');
      await client.query('SELECT 1');
    });
    expect(seen.map(({ rowCount, isError }) => [rowCount, isError])).toEqual([
      [4, false],
      [-1, true],
      [1, false],
    ]);
  });

  it('calls back in the scope that asked', async () => {
    const other = new pg.Client(database.url);
    await other.connect();
    const scope = await inScope('GET /', () => {
      const cursor = new Cursor(SERIES);
      client.query(cursor);
      return new Promise<void>((resolve) => {
        cursor.read(10, () => {
          other.query('SELECT 1 AS first', () => {
            cursor.read(10, () => {
              other.query('SELECT 2 AS second', () => cursor.close(() => resolve()));
            });
          });
        });
      });
    });
    await other.end();
    expect(scope.queryCount).toBe(3);
  });

  it('is refused in a pipeline, and not counted', async () => {
    const pipelined = new pg.Client({ connectionString: database.url, pipeline: true });
    await pipelined.connect();
    const scope = await inScope('GET /', async () => {
      const cursor = pipelined.query(new Cursor(SERIES));
      await expect(cursor.read(1)).rejects.toThrow('not supported in pipeline mode');
      await pipelined.query('SELECT 1');
    });
    await pipelined.end();
    expect(scope.queryCount).toBe(1);
  });
});

describe('a stream', () => {
  it('counts what was read of it', async () => {
    expect(
      await rowsOf(async () => {
        let count = 0;
        for await (const row of client.query(new QueryStream(SERIES))) count += row.n > 0 ? 1 : 0;
        expect(count).toBe(250);
        for await (const row of client.query(new QueryStream(SERIES, [], { batchSize: 20 }))) {
          if (row.n === 5) break;
        }
        // Destroyed while it is queued, a stream would hold its client for ever.
        await client.query('SELECT 1');
        const unread = client.query(new QueryStream(SERIES));
        await new Promise((resolve) => {
          unread.on('close', resolve);
          unread.destroy();
        });
      }),
    ).toEqual([250, expect.toSatisfy((count: number) => count >= 20 && count < 250), 1]);
  });
});

describe('COPY', () => {
  it('counts rows in both directions', async () => {
    expect(
      await rowsOf(async () => {
        await client.query('TRUNCATE items');
        await pipeline(
          Readable.from(Array.from({ length: 300 }, (_, n) => `${n}\n`)),
          client.query(from('COPY items FROM STDIN')),
        );
        let text = '';
        for await (const chunk of client.query(to('COPY items TO STDOUT'))) text += chunk;
        expect(text.trim().split('\n')).toHaveLength(300);
      }),
    ).toEqual([-1, 300, 300]);
  });
});

describe('behind a class of the client that sends first', () => {
  it('each statement is its own', async () => {
    class TenantClient extends pg.Client {
      query(...args: any[]): any {
        super.query("SET application_name = 'tenant'");
        return super.query(...args);
      }
    }
    const tenant: any = new (TenantClient as any)(database.url);
    await tenant.connect();
    const scope = await inScope('GET /', async () => {
      const cursor = tenant.query(new Cursor(SERIES));
      await cursor.read(10);
      await cursor.close();
      for await (const row of tenant.query(new QueryStream(SERIES))) void row;
    });
    await tenant.end();
    expect(scope.queries.map(({ rowCount }) => rowCount)).toEqual([-1, 10, -1, 250]);
  });
});
