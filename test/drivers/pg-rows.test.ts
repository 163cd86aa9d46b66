/** Rows are those that the caller got. */
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { instrument } from '../../src/drivers/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { inScope } from '../support/recorded.ts';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createDatabase();
  instrument(pg);
  client = new pg.Client(database.url);
  await client.connect();
  await client.query(`
    CREATE TABLE items (id int PRIMARY KEY, name text);
    CREATE PROCEDURE answer(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n := n + 1; END'`);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

const UNKNOWN = -1;

it.each<[string, number, (pg.QueryConfig & { rows?: number })?]>([
  ['SELECT generate_series(1, 4)', 4],
  ['SELECT 1 WHERE false', 0],
  ["INSERT INTO items SELECT n, 'x' FROM generate_series(1, 5) n", 5],
  ["INSERT INTO items VALUES (6, 'y'), (7, 'z') RETURNING id", 2],
  ["UPDATE items SET name = 'w' WHERE id < 4", 3],
  ['DELETE FROM items WHERE id > 5 RETURNING *', 2],
  ['SHOW server_version', 1],
  ['EXPLAIN (COSTS OFF) SELECT * FROM items ORDER BY name', 3],
  ['CALL answer(1)', 1],
  ['CREATE TABLE copies AS SELECT * FROM items', 5],
  ['BEGIN', UNKNOWN],
  ['DECLARE c CURSOR FOR SELECT * FROM items', UNKNOWN],
  ['FETCH 2 FROM c', 2],
  ['COMMIT', UNKNOWN],
  ["SET application_name = 'x'", UNKNOWN],
  ['', UNKNOWN],
  // Of all its statements.
  ['SELECT generate_series(1, 2); SELECT generate_series(1, 3)', 5],
  ["SET application_name = 'y'; SELECT 1; UPDATE items SET name = 'v'", 6],
  ["BEGIN; SET LOCAL work_mem = '1MB'; COMMIT", UNKNOWN],
  // In arrays, and in pages.
  ['SELECT id FROM items', 5, { text: '', rowMode: 'array' } as never],
  ['SELECT id FROM items', 5, { text: '', rows: 2 }],
])('%s', async (text, rowCount, config) => {
  const scope = await inScope('GET /', () => client.query({ ...config, text }));
  expect(scope.queries.map((query) => query.rowCount)).toEqual([rowCount]);
});

it.each([
  ['SHOW server_version', 1],
  ['SELECT generate_series(1, 3); SHOW server_version', 4],
  ['UPDATE items SET id = id', 5],
])('counts those that a listener got: %s', async (text, rowCount) => {
  const scope = await inScope('GET /', async () => {
    const query = new pg.Query(text);
    query.on('row', () => {});
    const ended = new Promise((resolve) => query.on('end', resolve));
    client.query(query);
    await ended;
  });
  expect(scope.queries.map((query) => query.rowCount)).toEqual([rowCount]);
});
