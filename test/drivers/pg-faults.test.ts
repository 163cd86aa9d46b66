import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { instrument, uninstrument } from '../../src/drivers/index.ts';
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

interface ClientOptions extends pg.ClientConfig {
  readonly pipeline?: boolean;
}

async function connected(options: ClientOptions = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, ...options });
  client.on('error', () => {});
  await client.connect();
  return client;
}

function outcomesOf(seen: readonly SeenQuery[]): unknown {
  return seen.map(({ sql, isError }) => [sql, isError ? 'error' : 'ok']);
}

/** A second copy of the driver, as another package would bring it. */
function otherCopy(): typeof pg {
  const require = createRequire(import.meta.url);
  const isOurs = (file: string): boolean => /[\\/]node_modules[\\/]pg(?:-pool)?[\\/]/.test(file);
  const first = Object.entries(require.cache).filter(([file]) => isOurs(file));
  for (const [file] of first) delete require.cache[file];
  const copy = require('pg') as typeof pg;
  for (const [file, module] of first) require.cache[file] = module;
  return copy;
}

/** Overrides a method as JavaScript does: the types of `pg` declare them as properties. */
function subclassOf(Query: typeof pg.Query): typeof pg.Query {
  class OwnQuery extends Query {}
  const { submit } = Query.prototype;
  OwnQuery.prototype.submit = function (connection) {
    return submit.call(this, connection);
  };
  return OwnQuery;
}

function ended(client: pg.Client, query: pg.Query): Promise<void> {
  return new Promise((resolve) => {
    query.on('end', () => resolve());
    query.on('error', () => resolve());
    client.query(query);
  });
}

describe('every query is counted once', () => {
  it('where its class is one that the application, or another copy of the driver, made', async () => {
    const seen = collectQueries();
    const client = await connected();
    const other = otherCopy();
    instrument(other);
    await ended(client, new (subclassOf(pg.Query))('SELECT 1 AS own_class'));
    await ended(client, new other.Query('SELECT 1 AS other_copy'));
    await client.end();
    await ended(client, new (subclassOf(pg.Query))('SELECT 1 AS refused'));
    expect(outcomesOf(seen)).toEqual([
      ['SELECT 1 AS own_class', 'ok'],
      ['SELECT 1 AS other_copy', 'ok'],
    ]);
  });

  it('where one Query object is given again, before its end and after it', async () => {
    const seen = collectQueries();
    const client = await connected();
    for (const Query of [pg.Query, subclassOf(pg.Query)]) {
      const query = new Query('SELECT 1 AS again');
      client.query(query);
      client.query(query);
      await client.query('SELECT 2 AS between');
      await ended(client, query);
      expect(outcomesOf(seen.splice(0))).toEqual([
        ['SELECT 1 AS again', 'ok'],
        ['SELECT 1 AS again', 'ok'],
        ['SELECT 2 AS between', 'ok'],
        ['SELECT 1 AS again', 'ok'],
      ]);
    }
    await client.end();
  });

  it('where a prepared statement is run by its name alone', async () => {
    const seen = collectQueries();
    const client = await connected();
    await client.query({ name: 'by_name', text: 'SELECT $1::int AS n', values: [1] });
    await client.query({ name: 'by_name', values: [2] } as unknown as pg.QueryConfig);
    await client.end();
    expect(seen.map(({ sql, values }) => [sql, values])).toEqual([
      ['SELECT $1::int AS n', [1]],
      ['SELECT $1::int AS n', [2]],
    ]);
  });

  it('where a class that extends the client is instrumented beside the driver', async () => {
    const seen = collectQueries();
    class OwnClient extends pg.Client {}
    OwnClient.prototype.query = function (this: pg.Client, ...args: never[]) {
      // oxlint-disable-next-line typescript/unbound-method -- called with its `this`
      return Reflect.apply(pg.Client.prototype.query, this, args) as never;
    };
    const client = new OwnClient(database.url);
    await client.connect();
    instrument(client);
    await client.query('SELECT 1 AS own_client');
    await client.end();
    expect(outcomesOf(seen)).toEqual([['SELECT 1 AS own_client', 'ok']]);
  });

  it('before connect(), and where connect() fails', async () => {
    const seen = collectQueries();
    const client = new pg.Client(database.url);
    const early = client.query('SELECT 1 AS early');
    await client.connect();
    await early;
    await client.end();
    const lost = new pg.Client({ host: '127.0.0.1', port: 1 });
    lost.on('error', () => {});
    const never = expect(lost.query('SELECT 1 AS never')).rejects.toThrow('terminated');
    await expect(lost.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await never;
    expect(outcomesOf(seen)).toEqual([
      ['SELECT 1 AS early', 'ok'],
      ['SELECT 1 AS never', 'error'],
    ]);
  });

  it('in pipeline mode, with its errors', async () => {
    const seen = collectQueries();
    const client = await connected({ pipeline: true });
    await Promise.allSettled([
      client.query('SELECT 1 AS first'),
      client.query('SELECT broken'),
      client.query('SELECT $1::int AS third', [3]),
      client.query({ text: 'SELECT 1 AS refused', rows: 2 } as pg.QueryConfig),
      ended(client, new (subclassOf(pg.Query))('SELECT 1 AS own_class')),
    ]);
    await client.end();
    expect(outcomesOf(seen)).toEqual([
      ['SELECT 1 AS first', 'ok'],
      ['SELECT broken', 'error'],
      ['SELECT $1::int AS third', 'ok'],
      ['SELECT 1 AS own_class', 'ok'],
    ]);
  });

  it.each([false, true])('at query_timeout, pipeline: %s', async (pipeline) => {
    const seen = collectQueries();
    const client = await connected({ pipeline, query_timeout: 40 });
    const both = [client.query('SELECT pg_sleep(0.2)'), client.query('SELECT 1 AS behind')];
    const results = await Promise.allSettled(both);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await client.end();
    expect(outcomesOf(seen)).toEqual([
      ['SELECT pg_sleep(0.2)', 'error'],
      ['SELECT 1 AS behind', 'error'],
    ]);
  });

  it('at statement_timeout, of several statements in one text, of COPY and of nothing', async () => {
    const seen = collectQueries();
    const client = await connected({ statement_timeout: 40 });
    await expect(client.query('SELECT pg_sleep(2)')).rejects.toMatchObject({ code: '57014' });
    await client.query('SELECT 1; SELECT generate_series(1, 3)');
    await expect(client.query('SELECT 1; SELECT broken; SELECT 2')).rejects.toThrow('broken');
    await client.query('CREATE TEMP TABLE copied (n int)');
    await expect(client.query('COPY copied FROM STDIN')).rejects.toThrow('No source stream');
    await client.query('COPY copied TO STDOUT');
    await client.query('');
    await client.end();
    expect(outcomesOf(seen)).toEqual([
      ['SELECT pg_sleep(2)', 'error'],
      ['SELECT 1; SELECT generate_series(1, 3)', 'ok'],
      ['SELECT 1; SELECT broken; SELECT 2', 'error'],
      ['CREATE TEMP TABLE copied (n int)', 'ok'],
      ['COPY copied FROM STDIN', 'error'],
      ['COPY copied TO STDOUT', 'ok'],
      ['', 'ok'],
    ]);
    expect(seen.map(({ rowCount }) => rowCount).slice(0, 3)).toEqual([-1, 4, -1]);
  });

  it('where the driver throws while it writes the query', async () => {
    const seen = collectQueries();
    const client = await connected();
    client.connection.stream.cork = () => {
      throw new Error('cannot write');
    };
    const callback = (): void => {};
    expect(() => client.query('SELECT $1::int AS thrown', [1], callback)).toThrow('cannot write');
    expect(getRecorder().core.snapshot().inFlightQueries).toEqual([]);
    await client.end();
    expect(outcomesOf(seen)).toEqual([['SELECT $1::int AS thrown', 'error']]);
  });
});

describe('the right scope', () => {
  it('has what the callbacks of its queries issue, whoever opened the connection', async () => {
    const seen = collectQueries();
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    pool.on('error', () => {});
    const chain = (id: number): Promise<unknown> =>
      inScope(
        `GET /${id}`,
        () =>
          new Promise<void>((resolve) => {
            pool.query(`SELECT ${id} AS a`, () => {
              pool.query(`SELECT ${id} AS b, broken`, () => {
                pool.query(`SELECT ${id} AS c`, () => resolve());
              });
            });
          }),
      );
    await chain(1);
    await Promise.all([chain(2), chain(3)]);
    await new Promise<void>((resolve) => {
      pool.query('SELECT 4 AS a', () => pool.query('SELECT 4 AS b', () => resolve()));
    });
    await pool.end();
    const booked = seen.map(({ sql, scope }) => [sql.split(' ')[1], scope?.name.split('/')[1]]);
    expect(booked.filter(([id]) => id !== '4')).toHaveLength(9);
    expect(booked.filter(([id, name]) => name !== (id === '4' ? undefined : id))).toEqual([]);
  });
});

describe('the application cannot tell', () => {
  const sameWithAndWithout = async (shape: () => Promise<unknown>): Promise<void> => {
    uninstrument(pg);
    const without = await shape();
    instrument(pg);
    expect(await shape()).toEqual(without);
  };

  it('from a pool whose options the driver refuses, or one that is used up or ended', async () => {
    const outcomeOf = async (fn: () => unknown): Promise<string> => {
      let returned: unknown;
      try {
        returned = fn();
      } catch (error) {
        return `throws ${String(error)}`;
      }
      try {
        const client = (await returned) as pg.PoolClient;
        client.release();
        return 'resolves';
      } catch (error) {
        return `rejects ${String(error)}`;
      }
    };
    await sameWithAndWithout(async () => {
      const refused = new pg.Pool({ connectionString: 'postgres://[bad' });
      const pool = new pg.Pool({ connectionString: database.url, max: 1 });
      const shapes = [
        await outcomeOf(() => refused.connect()),
        await outcomeOf(() => pool.connect(null as never)),
      ];
      const held = await pool.connect();
      // Not before: a busy machine may take longer to open a connection.
      pool.options.connectionTimeoutMillis = 30;
      const argumentCounts: number[] = [];
      await new Promise<void>((resolve) => {
        pool.connect((...args) => {
          argumentCounts.push(args.length);
          resolve();
        });
      });
      shapes.push(await outcomeOf(() => pool.connect()));
      held.release();
      await pool.end();
      pool.connect((...args) => argumentCounts.push(args.length));
      return [...shapes, await outcomeOf(() => pool.connect()), argumentCounts];
    });
  });

  it('from its own contexts in the callbacks of a saturated pool', async () => {
    const contexts = new AsyncLocalStorage<string>();
    await sameWithAndWithout(async () => {
      const pool = new pg.Pool({ connectionString: database.url, max: 1 });
      pool.on('error', () => {});
      const seen: unknown[] = [];
      const ask = (name: string): Promise<void> =>
        contexts.run(
          name,
          () =>
            new Promise((resolve) => {
              pool.query('SELECT 1', () => {
                seen.push([name, 'query', contexts.getStore()]);
                pool.connect((_, client, release) => {
                  seen.push([name, 'connect', contexts.getStore()]);
                  client?.query('SELECT broken', (error: Error & { code?: string }) => {
                    seen.push([name, error.code, contexts.getStore()]);
                    release();
                    resolve();
                  });
                });
              });
            }),
        );
      await Promise.all(['a', 'b', 'c'].map(ask));
      await pool.end();
      return seen;
    });
  });

  it('from a pool of a class that has another form of connect()', async () => {
    class PromisePool extends pg.Pool {
      override async connect(): Promise<never> {
        return (await super.connect()) as never;
      }
    }
    const pool = new PromisePool({ connectionString: database.url });
    pool.on('error', () => {});
    instrument(pool);
    const client = (await pool.connect()) as pg.PoolClient;
    client.release();
    await pool.end();
  });
});
