import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { instrument } from '../../src/drivers/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  instrument(pg);
});

afterAll(async () => {
  await database.drop();
});

/** The normalised text of the newest record. */
function lastText(): string | undefined {
  const { core } = getRecorder();
  const last = core.snapshot().recentQueries.at(-1);
  return last && core.statement(last.statementId)?.text;
}

// Where nothing is known of the setting, all from the backslash on would be left out.
const QUOTED = String.raw`SELECT 'a' LIKE 'b' ESCAPE '\' AS first, 1 AS second, 'z' AS third`;
const QUOTED_TEXT = 'SELECT $1 LIKE $2 ESCAPE $3 AS first, $4 AS second, $5 AS third';

it('reads backslashes as the connection does, also when the setting changes', async () => {
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    await client.query(QUOTED);
    expect(lastText()).toBe(QUOTED_TEXT);

    // Queued at once: what counts is the setting when a query leaves.
    const off = client.query('SET standard_conforming_strings = off');
    const escaped = client.query({ text: String.raw`SELECT 'it\'s' AS one, 2 AS two` });
    await Promise.all([off, escaped]);
    expect(lastText()).toBe('SELECT $1 AS one, $2 AS two');

    await client.query('SET standard_conforming_strings = on');
    await client.query(QUOTED);
    expect(lastText()).toBe(QUOTED_TEXT);
  } finally {
    await client.end();
  }
});

it('keeps the readings of one text apart', async () => {
  const text = String.raw`SELECT 'a\' AS x, 'b' AS y -- '`;
  const [on, off] = [new pg.Client(database.url), new pg.Client(database.url)];
  await Promise.all([on.connect(), off.connect()]);
  try {
    await off.query('SET standard_conforming_strings = off');
    const texts: (string | undefined)[] = [];
    for (const client of [on, off, on, off]) {
      await client.query(text).catch(() => undefined);
      texts.push(lastText());
    }
    expect(texts[0]).toBe('SELECT $1 AS x, $2 AS y');
    expect(texts[1]).not.toBe(texts[0]);
    expect(texts.slice(2)).toEqual(texts.slice(0, 2));
  } finally {
    await Promise.all([on.end(), off.end()]);
  }
});

it('knows the setting of the clients of a pool', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  try {
    await pool.query(QUOTED);
    expect(lastText()).toBe(QUOTED_TEXT);
  } finally {
    await pool.end();
  }
});

it('adds no listener to the client, and none for each query', async () => {
  const client = new pg.Client(database.url);
  const listenersOf = (): unknown => client.eventNames().map((name) => client.listenerCount(name));
  const before = listenersOf();
  await client.connect();
  await client.query('SELECT 1');
  expect(listenersOf()).toEqual(before);
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  expect(connection.listenerCount('parameterStatus')).toBe(1);
  await client.end();
});

it('writes down what pools are doing: their queue as it changes, and never a password', async () => {
  const url = new URL(database.url);
  url.password = 'not-to-be-seen';
  const pool = new pg.Pool({ connectionString: url.href, max: 1 });
  const name = `${url.hostname}:${url.port}${url.pathname}`;
  const state = (): unknown =>
    getRecorder()
      .core.snapshot()
      .pools.find((each) => each.name === name && each.max === 1);
  try {
    const client = await pool.connect();
    const waiting = pool.connect();
    const whileWaiting = state();
    client.release();
    (await waiting).release();
    expect(whileWaiting).toMatchObject({ total: 1, idle: 0, waiting: 1, max: 1 });
    expect(JSON.stringify(getRecorder().core.snapshot().pools)).not.toContain('not-to-be-seen');
    // Nobody tells when a client is given back: it is noticed all the same.
    await expect.poll(state).toMatchObject({ total: 1, idle: 1, waiting: 0 });
  } finally {
    await pool.end();
  }
});
