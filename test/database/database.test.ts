import { createServer } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Database } from '../../src/database/index.ts';
import { HyperDjangoError, OptionError } from '../../src/errors/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { collectQueries } from '../support/recorded.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createDatabase();
  db = new Database(database.url);
  await db.connect();
  await db.execute('CREATE TABLE notes (id int PRIMARY KEY, text text)');
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

describe('query and execute', () => {
  it('give rows and the number of affected rows', async () => {
    expect(await db.execute("INSERT INTO notes VALUES (1, 'a'), (2, 'b')")).toBe(2);
    expect(await db.query<{ text: string }>('SELECT text FROM notes WHERE id = $1', [2])).toEqual([
      { text: 'b' },
    ]);
    expect(await db.execute('UPDATE notes SET text = $1', ['c'])).toBe(2);
    expect(await db.execute("SET work_mem = '4MB'")).toBe(0);
  });

  it('refuse a second statement in one text, with parameters or without', async () => {
    await expect(db.query('SELECT 1; DROP TABLE notes')).rejects.toMatchObject({ code: '42601' });
    await expect(db.execute('SELECT 1; DROP TABLE notes')).rejects.toMatchObject({ code: '42601' });
    expect(await db.query("SELECT to_regclass('notes') IS NOT NULL AS there")).toEqual([
      { there: true },
    ]);
  });

  it('pass the driver’s error through untouched', async () => {
    await expect(db.query('SELECT * FROM nowhere')).rejects.toMatchObject({
      name: 'error',
      code: '42P01',
    });
  });
});

describe('transaction', () => {
  const ids = async (): Promise<unknown[]> =>
    (await db.query('SELECT id FROM notes WHERE id >= 100 ORDER BY id')).map(({ id }) => id);

  it('commits what its function did, and records each statement', async () => {
    const seen = collectQueries();
    const result = await db.transaction(async (tx) => {
      await tx.execute('INSERT INTO notes VALUES ($1)', [100]);
      return tx.query('SELECT id FROM notes WHERE id = $1', [100]);
    });
    expect(result).toEqual([{ id: 100 }]);
    expect(seen.map(({ sql }) => sql)).toEqual([
      'BEGIN',
      'INSERT INTO notes VALUES ($1)',
      'SELECT id FROM notes WHERE id = $1',
      'COMMIT',
    ]);
    expect(seen.every(({ source }) => source === db.pool)).toBe(true);
    expect(await ids()).toEqual([100]);
  });

  it('rolls back when its function throws, and throws the same', async () => {
    const thrown = new Error('no');
    const failing = db.transaction(async (tx) => {
      await tx.execute('INSERT INTO notes VALUES (101)');
      throw thrown;
    });
    await expect(failing).rejects.toBe(thrown);
    expect(await ids()).toEqual([100]);
    expect(db.poolStats().active).toBe(0);
  });

  it('is a savepoint inside another', async () => {
    await db.transaction(async (tx) => {
      await tx.execute('INSERT INTO notes VALUES (102)');
      await tx
        .transaction(async (inner) => {
          await inner.execute('INSERT INTO notes VALUES (103)');
          await inner.transaction((deepest) => deepest.execute('INSERT INTO notes VALUES (102)'));
        })
        .catch(() => {});
      await tx.transaction((inner) => inner.execute('INSERT INTO notes VALUES (104)'));
    });
    expect(await ids()).toEqual([100, 102, 104]);
  });

  it('says so when an error was swallowed inside and the server could only roll back', async () => {
    const failing = db.transaction(async (tx) => {
      await tx.execute('INSERT INTO notes VALUES (105)');
      await tx.query('SELECT * FROM nowhere').catch(() => {});
    });
    await expect(failing).rejects.toMatchObject({ code: 'ERR_HYPERDJANGO_ROLLED_BACK' });
    expect(await ids()).toEqual([100, 102, 104]);
  });

  it('drops the connection when COMMIT gets no answer in time', async () => {
    await db.execute(`CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql
      AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END'`);
    await db.execute('CREATE TABLE slow_commits (id int)');
    await db.execute(`CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow_commits
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()`);
    const small = new Database({ connectionString: database.url, max: 1, query_timeout: 200 });
    await expect(
      small.transaction((tx) => tx.execute('INSERT INTO slow_commits VALUES (1)')),
    ).rejects.toThrow('Query read timeout');
    expect(await small.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await small.close();
  });

  it('gives back a connection that died in it, and throws what its function threw', async () => {
    const failing = db.transaction(async (tx) => {
      const [row] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.query('SELECT pg_terminate_backend($1)', [row?.pid]);
      await tx.query('SELECT 1');
    });
    // As the driver puts it, whether the news came before the statement or after it.
    await expect(failing).rejects.toThrow(/terminating connection|connection error/);
    expect(db.poolStats().active).toBe(0);
    expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('poolStats', () => {
  it('tells connections at work, idle ones and callers that wait', async () => {
    const small = new Database({ connectionString: database.url, max: 2 });
    expect(small.poolStats()).toEqual({ total: 0, idle: 0, active: 0, waiting: 0, max: 2 });
    const asleep = Array.from({ length: 5 }, () => small.query('SELECT pg_sleep(0.05)'));
    expect(small.poolStats()).toMatchObject({ total: 2, active: 2, waiting: 3 });
    await Promise.all(asleep);
    expect(small.poolStats()).toEqual({ total: 2, idle: 2, active: 0, waiting: 0, max: 2 });
    await small.close();
    await small.close();
  });
});

describe('connect', () => {
  it('is not recorded', async () => {
    const seen = collectQueries();
    await db.connect();
    expect(seen).toEqual([]);
  });

  it('says which server does not answer, and why, without the password', async () => {
    const port = await closedPort();
    const absent = new Database(`postgres://app:s3cret@127.0.0.1:${port}/shop`);
    const error: unknown = await absent.connect().catch((thrown: unknown) => thrown);
    await absent.close();
    expect(error).toBeInstanceOf(HyperDjangoError);
    expect(error).toMatchObject({
      code: 'ERR_HYPERDJANGO_CONNECT',
      message: `Database.connect(): 127.0.0.1:${port}/shop does not let us in: nothing listens at this address: is the server running? (ECONNREFUSED)`,
    });
  });

  it('says which database is not there', async () => {
    const url = new URL(database.url);
    url.pathname = '/absent';
    const absent = new Database(url.href);
    await expect(absent.connect()).rejects.toThrow(
      /\/absent does not let us in: there is no database of this name \(3D000\)$/,
    );
    await absent.close();
  });

  it('leaves the process alive when an idle connection dies', async () => {
    const small = new Database({ connectionString: database.url, max: 1 });
    const [row] = await small.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await database.query('SELECT pg_terminate_backend($1)', [row?.pid]);
    await expect.poll(() => small.poolStats().total).toBe(0);
    expect(await small.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await small.close();
  });
});

describe('the constructor', () => {
  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [5432, '5432'],
    ['', 'an empty string that is not a URL'],
    ['s3cret', 'a string of 6 characters that is not a URL'],
    ['mysql://app:s3cret@localhost/db', 'a mysql:// URL'],
    [{ connectionString: 'http://localhost' }, 'a http:// URL'],
    [[], 'an array'],
  ])('refuses %j', (given, received) => {
    const construct = (): Database => new Database(given as never);
    expect(construct).toThrow(OptionError);
    expect(construct).toThrow(
      `new Database(urlOrConfig): expected a postgres:// URL or a pg.PoolConfig, got ${received}`,
    );
  });
});

/** A port that nobody listens on: just given back. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
