import { once } from 'node:events';

import pg from 'pg';

const { Pool, Query } = pg.native;

export async function open({ url, max, statement_timeout }) {
  const pool = new Pool({
    connectionString: url,
    max,
    // The driver's own comes first, and the server's ends what it leaves behind.
    ...(statement_timeout && {
      options: `-c statement_timeout=${statement_timeout}`,
      query_timeout: statement_timeout / 2,
    }),
  });
  return {
    async one(n) {
      return (await pool.query('SELECT $1::int AS n', [n])).rows[0].n;
    },
    async findItem(id) {
      return (await pool.query('SELECT id, name FROM items WHERE id = $1', [id])).rows[0];
    },
    async below(id) {
      return (await pool.query('SELECT id, name FROM items WHERE id < $1', [id])).rows;
    },
    sleep: (seconds) => pool.query('SELECT pg_sleep($1)', [seconds]),
    fail: () => pool.query('SELECT 1 / $1::int AS failed', [0]),
    async inTransaction(n) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const { rows } = await client.query('SELECT $1::int AS n', [n]);
        await client.query('COMMIT');
        return rows[0].n;
      } finally {
        client.release();
      }
    },
    sites: {
      async namedQuery() {
        await pool.query({
          name: 'by id',
          text: 'SELECT id FROM items WHERE id = $1',
          values: [3],
        });
      },
      callback: () =>
        new Promise(function callback(resolve) {
          pool.query('SELECT name FROM items LIMIT 1', resolve);
        }),
      async queryObject() {
        const client = await pool.connect();
        const query = client.query(new Query('SELECT count(*) FROM items'));
        await once(query, 'end');
        client.release();
      },
    },
    emitter: pool,
    close: () => pool.end(),
  };
}
