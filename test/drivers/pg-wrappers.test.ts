/**
 * What applications put between themselves and the driver, to set a tenant, a role or a session
 * before each query. Each statement belongs to the request that caused it.
 */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { instrument, uninstrument } from '../../src/drivers/index.ts';
import { describeCallSite, getRecorder, type Scope } from '../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { collectQueries, inScope } from '../support/recorded.ts';

// oxlint-disable typescript/unbound-method -- methods are taken from where they are, as wrappers do
// oxlint-disable typescript/no-explicit-any -- and called as JavaScript calls them

type Query = (...args: any[]) => any;
type Options = pg.PoolConfig & { readonly Client?: typeof pg.Client };

const SET = "SET application_name = 'tenant'";
const isOwn = (config: any): boolean =>
  (typeof config === 'string' ? config : config.text).startsWith('SELECT');

const driverQuery = pg.Client.prototype.query;
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

/** A class of the client's whose `query` is the function, given the driver's own. */
function clientClass(query: (this: pg.Client, own: Query, args: any[]) => any): typeof pg.Client {
  class TenantClient extends pg.Client {}
  TenantClient.prototype.query = function (this: pg.Client, ...args: any[]) {
    return query.call(this, pg.Client.prototype.query.bind(this) as Query, args);
  } as never;
  return TenantClient;
}

function poolOf(options: Options): pg.Pool {
  const pool = new pg.Pool({ connectionString: database.url, max: 5, ...options });
  pool.on('error', () => {});
  return pool;
}

/** Replaces the pool's `connect` by one that runs `prepare` with each client before it hands it out. */
function wrapConnect(pool: pg.Pool, prepare: (client: pg.PoolClient) => Promise<unknown>): pg.Pool {
  const connect = pool.connect.bind(pool) as Query;
  pool.connect = ((callback?: Query) => {
    const prepared = connect().then(async (client: pg.PoolClient) => {
      await prepare(client);
      return client;
    });
    if (callback === undefined) return prepared;
    // oxlint-disable promise/no-callback-in-promise -- as such wrappers do
    return prepared.then(
      (client: pg.PoolClient) => callback(undefined, client, client.release),
      callback,
    );
  }) as never;
  return pool;
}

interface Wrapper {
  readonly pool: () => pg.Pool;
  /** Statements that a request of one query sends. */
  readonly perQuery: number;
  /** Times that it asks the pool; 1 unless told. */
  readonly asks?: number;
  /** The nearest frame of the application, where it is not that of who asked. */
  readonly site?: RegExp;
  /** Whether its `pool.query` gives a promise only. */
  readonly isByPromiseOnly?: boolean;
}

const wrappers: Record<string, Wrapper> = {
  'a class of the client that sends first, not awaited': {
    pool: () =>
      poolOf({
        Client: clientClass((own, args) => {
          if (isOwn(args[0])) void own(SET);
          return own(...args);
        }),
      }),
    perQuery: 2,
  },
  'a class of the client that awaits what it sends first': {
    pool: () =>
      poolOf({
        Client: clientClass(async (own, args) => {
          await own('SELECT set_config($1, $2, false)', ['application_name', 'tenant']);
          return own(...args);
        }),
      }),
    perQuery: 2,
  },
  'a class of the client that sends first by callbacks': {
    pool: () =>
      poolOf({
        Client: clientClass((own, args) => {
          own(SET, () => own(...args));
        }),
      }),
    perQuery: 2,
  },
  'a class of the client that changes the text, with a callback of its own': {
    pool: () =>
      poolOf({
        Client: clientClass(async (own, [text, values, callback]) => {
          await own(SET);
          const result = await own(`${text} -- tenant`, values);
          await own('RESET application_name');
          callback(undefined, result);
        }),
      }),
    perQuery: 3,
  },
  'a class of the client that passes configurations': {
    pool: () =>
      poolOf({
        Client: clientClass((own, [text, values, callback]) => {
          void own({ text: SET });
          return own({ text, values }, callback);
        }),
      }),
    perQuery: 2,
  },
  'a class of the client that names its statements': {
    pool: () =>
      poolOf({
        Client: clientClass(async (own, [text, values, callback]) => {
          await own({
            name: 'tenant',
            text: 'SELECT set_config($1, $2, false)',
            values: ['application_name', 't'],
          });
          return own({ name: `own ${text.length}`, text, values }, callback);
        }),
      }),
    perQuery: 2,
  },
  "wrapping each client's query": {
    pool: () => {
      const pool = poolOf({});
      pool.on('connect', (client) => {
        const own = client.query.bind(client) as Query;
        client.query = ((...args: any[]) => {
          void own(SET);
          return own(...args);
        }) as never;
      });
      return pool;
    },
    perQuery: 2,
  },
  "wrapping the pool's query": {
    pool: () => {
      const pool = poolOf({});
      const own = pool.query.bind(pool) as Query;
      pool.query = (async (...args: any[]) => {
        await own(SET);
        return own(...args);
      }) as never;
      return pool;
    },
    perQuery: 2,
    asks: 2,
    site: /pool\.query \(/,
    isByPromiseOnly: true,
  },
  "wrapping the pool's query with a client of its own": {
    pool: () => {
      const pool = poolOf({});
      pool.query = (async (...args: [string, unknown[]]) => {
        const client = await pool.connect();
        try {
          await client.query('BEGIN');
          await client.query("SET LOCAL application_name = 'tenant'");
          const result = await client.query(...args);
          await client.query('COMMIT');
          return result;
        } finally {
          client.release();
        }
      }) as never;
      return pool;
    },
    perQuery: 4,
    site: /pool\.query \(/,
    isByPromiseOnly: true,
  },
  "wrapping the pool's connect": {
    pool: () => wrapConnect(poolOf({}), (client) => client.query(SET)),
    perQuery: 2,
  },
  "wrapping the pool's connect, by callbacks": {
    pool: () => {
      const pool = poolOf({});
      const connect = pool.connect.bind(pool) as Query;
      pool.connect = ((callback: Query) =>
        connect((error: unknown, client: pg.PoolClient, done: unknown) => {
          if (error) return callback(error, client, done);
          return client.query(SET, () => callback(error, client, done));
        })) as never;
      return pool;
    },
    perQuery: 2,
  },
  'a class of the pool that asks itself for something first': {
    pool: () => {
      class TenantPool extends pg.Pool {}
      TenantPool.prototype.query = async function (this: pg.Pool, ...args: any[]) {
        const own = pg.Pool.prototype.query.bind(this) as Query;
        await own('SELECT 1 AS tenant');
        return own(...args);
      } as never;
      const pool = new TenantPool({ connectionString: database.url, max: 5 });
      return wrapConnect(pool, (client) => client.query(SET));
    },
    perQuery: 4,
    asks: 2,
    site: /query \(/,
    isByPromiseOnly: true,
  },
  'listening to acquire': {
    pool: () => {
      const pool = poolOf({});
      pool.on('acquire', (client) => void client.query(SET));
      return pool;
    },
    perQuery: 2,
  },
  'listening to acquire, awaited, with a time-out': {
    pool: () => {
      const pool = poolOf({ connectionTimeoutMillis: 20_000 });
      const prepare = async (client: pg.PoolClient): Promise<void> => {
        await client.query(SET);
        await client.query('SELECT 1 AS again');
      };
      pool.on('acquire', (client) => void prepare(client));
      return pool;
    },
    perQuery: 3,
  },
  'listening to acquire and to release': {
    pool: () => {
      const pool = poolOf({});
      pool.on('acquire', (client) => client.query(SET, () => {}));
      pool.on('release', (_, client) => void client.query('RESET application_name'));
      return pool;
    },
    perQuery: 3,
  },
  'listening to acquire, and a class of the client': {
    pool: () => {
      const Client = clientClass((own, args) => {
        if (isOwn(args[0])) void own(SET);
        return own(...args);
      });
      const pool = poolOf({ Client });
      pool.on('acquire', (client) => void client.query('RESET application_name'));
      return pool;
    },
    perQuery: 3,
  },
  'another tool that times queries': {
    pool: () =>
      poolOf({
        Client: clientClass((own, args) => {
          const callback = args.pop();
          return own(...args, (...result: unknown[]) => callback(...result));
        }),
      }),
    perQuery: 1,
  },
};

const REQUESTS = 200;

describe.each(Object.entries(wrappers))('%s', (_, { pool: makePool, perQuery, ...more }) => {
  /** One query each, by promise and by callback in turn. */
  async function run(pool: pg.Pool, count: number): Promise<Scope[]> {
    return Promise.all(
      Array.from({ length: count }, (__, id) =>
        inScope(`GET /${id}`, async () => {
          const text = 'SELECT $1::int AS id';
          if (id % 2 === 0 || more.isByPromiseOnly) {
            const { rows } = await pool.query(text, [id]);
            expect(rows).toEqual([{ id }]);
            return;
          }
          await new Promise<void>((resolve, reject) => {
            pool.query(text, [id], (error, result) => {
              if (error) return reject(error);
              expect(result.rows).toEqual([{ id }]);
              resolve();
            });
          });
        }),
      ),
    );
  }

  /** Until what nobody waits for has ended too. */
  async function settled(pool: pg.Pool): Promise<void> {
    await expect
      .poll(() => [pool.idleCount - pool.totalCount, getRecorder().core.snapshot().inFlightQueries])
      .toEqual([0, []]);
  }

  it(`has each of ${REQUESTS} requests on a pool of 5 with its own ${perQuery} statements`, async () => {
    const pool = makePool();
    const seen = collectQueries();
    const scopes = await run(pool, REQUESTS);
    await settled(pool);
    await pool.end();
    expect(seen.filter(({ scope }) => scope === undefined)).toEqual([]);
    expect(scopes.filter(({ queryCount }) => queryCount !== perQuery)).toEqual([]);
    const own = seen.filter(({ values }) => typeof values?.[0] === 'number');
    expect(own).toHaveLength(REQUESTS);
    expect(
      own.filter(({ scope, values }) => scope?.name !== `GET /${String(values?.[0])}`),
    ).toEqual([]);
    expect(seen).toHaveLength(REQUESTS * perQuery);
    expect(new Set(seen.map(({ source }) => source))).toEqual(new Set([pool]));
    // One wait for each client that was asked for, on one query.
    const waits = scopes.map(({ queries }) => queries.filter(({ poolWaitNs }) => poolWaitNs > 0));
    expect(Math.min(...waits.slice(5).map(({ length }) => length))).toBe(more.asks ?? 1);
  });

  it('on an idle pool too, where the site is that of who asked', async () => {
    const recorder = getRecorder();
    const pool = makePool();
    await run(pool, 1);
    await settled(pool);
    async function ask(id: number): Promise<unknown> {
      return await pool.query('SELECT $1::int AS id', [id]);
    }
    const seen = collectQueries();
    const scope = await inScope('GET /idle', async () => {
      for (const id of [1, 2, 3]) await ask(id);
    });
    await settled(pool);
    await pool.end();
    expect(scope.queryCount).toBe(3 * perQuery);
    expect(seen).toHaveLength(3 * perQuery);
    expect(scope.poolWaitNs).toBe(0);
    const own = scope.queries.filter(
      (query) => recorder.statement(query.statementId)?.text.includes('::int AS id') === true,
    );
    expect(own).toHaveLength(3);
    const site = recorder.callSite(own[2] as never);
    expect(site && describeCallSite(site)).toMatch(more.site ?? /^ask \(/);
  });

  if (more.isByPromiseOnly) return;

  it('leaves what a callback asks for to go by its own site', async () => {
    const recorder = getRecorder();
    const pool = makePool();
    await run(pool, 1);
    await settled(pool);
    const scope = await inScope('GET /callbacks', async () => {
      for (let n = 0; n < 3; n += 1) {
        await new Promise<void>((resolve) => {
          pool.query('SELECT $1::int AS id', [n], function outer() {
            pool.query('SELECT $1::int AS inner', [n], () => resolve());
          });
        });
      }
    });
    await settled(pool);
    await pool.end();
    expect(scope.queryCount).toBe(6 * perQuery);
    const inner = scope.queries.filter(
      (query) => recorder.statement(query.statementId)?.text.includes('AS inner') === true,
    );
    const site = recorder.callSite(inner[2] as never);
    expect(site && describeCallSite(site)).toMatch(/^outer \(/);
  });
});

describe('what a pool runs by itself', () => {
  it.each([
    [
      'verify',
      { verify: (client: pg.Client, done: Query) => client.query('SELECT 1 AS verified', done) },
    ],
    ['onConnect', { onConnect: (client: pg.Client) => client.query(SET) }],
    [
      'its class, when it connects',
      {
        Client: class extends pg.Client {
          override connect(callback?: any): any {
            const prepare = async (error: Error): Promise<void> => {
              if (!error) await this.query(SET);
              callback(error);
            };
            return super.connect((error: Error) => void prepare(error));
          }
        },
      },
    ],
  ])('belongs to who waits: %s', async (_, options) => {
    const pool = poolOf({
      max: 2,
      maxUses: 1,
      connectionTimeoutMillis: 20_000,
      ...options,
    } as never);
    const seen = collectQueries();
    const scopes = await Promise.all(
      Array.from({ length: 20 }, (__, id) =>
        inScope(`GET /${id}`, () => pool.query('SELECT $1::int AS id', [id])),
      ),
    );
    await pool.end();
    expect(scopes.map(({ queryCount }) => queryCount)).toEqual(Array(20).fill(2));
    expect(seen).toHaveLength(40);
  });

  it('listeners to connect, of who opened the connection', async () => {
    const pool = poolOf({ max: 2, maxUses: 2 });
    let openedCount = 0;
    pool.on('connect', (client) => {
      openedCount += 1;
      void client.query(SET);
    });
    const seen = collectQueries();
    await Promise.all(
      Array.from({ length: 20 }, (__, id) =>
        inScope(`GET /${id}`, () => pool.query('SELECT $1::int AS id', [id])),
      ),
    );
    await pool.end();
    expect(openedCount).toBeGreaterThanOrEqual(10);
    expect(seen).toHaveLength(20 + openedCount);
    expect(seen.filter(({ scope }) => scope === undefined)).toEqual([]);
    const opened = seen.filter(({ sql }) => sql === SET).map(({ scope }) => scope);
    expect(new Set(opened).size).toBe(openedCount);
  });
});

describe('a client outside of a pool', () => {
  it.each([
    'a class of its own',
    "wrapping the prototype's query before it is hooked",
    'the same, awaited',
  ])('%s', async (style) => {
    let Client: typeof pg.Client = clientClass((query, args) => {
      void query(SET);
      return query(...args);
    });
    if (style !== 'a class of its own') {
      Client = pg.Client;
      uninstrument(pg);
      const driver = pg.Client.prototype.query as Query;
      pg.Client.prototype.query = (
        style.endsWith('awaited')
          ? async function (this: pg.Client, ...args: any[]) {
              await driver.call(this, SET);
              return driver.apply(this, args);
            }
          : function (this: pg.Client, ...args: any[]) {
              void driver.call(this, SET);
              return driver.apply(this, args);
            }
      ) as never;
      instrument(pg);
    }
    try {
      const client = new Client(database.url);
      await client.connect();
      const seen = collectQueries();
      const scopes: Scope[] = [];
      for (const id of [1, 2, 3]) {
        scopes.push(await inScope(`GET /${id}`, () => client.query('SELECT $1::int AS id', [id])));
      }
      // Its connection is busy with those of others.
      if (!style.endsWith('awaited')) {
        scopes.push(
          ...(await Promise.all(
            [4, 5, 6].map((id) =>
              inScope(`GET /${id}`, () => client.query('SELECT $1::int AS id', [id])),
            ),
          )),
        );
      }
      await getRecorder().runUnrecorded(() => client.query('SELECT 1 AS tool'));
      await client.end();
      expect(scopes.map(({ queryCount }) => queryCount)).toEqual(scopes.map(() => 2));
      expect(seen).toHaveLength(scopes.length * 2);
    } finally {
      if (style !== 'a class of its own') {
        uninstrument(pg);
        pg.Client.prototype.query = driverQuery;
        instrument(pg);
      }
    }
  });
});
