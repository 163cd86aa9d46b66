import pg from 'pg';
import QueryStream from 'pg-query-stream';

export async function open({ url, max, ...options }) {
  const pool = new pg.Pool({ connectionString: url, max, ...options });
  async function read(client, sql, values) {
    const rows = [];
    for await (const row of client.query(new QueryStream(sql, values))) rows.push(row);
    return rows;
  }
  async function findItem(sql, values) {
    const client = await pool.connect();
    try {
      return await read(client, sql, values);
    } finally {
      client.release();
    }
  }
  return {
    one: async (n) => (await findItem('SELECT $1::int AS n', [n]))[0].n,
    findItem: async (id) => (await findItem('SELECT id, name FROM items WHERE id = $1', [id]))[0],
    below: (id) => findItem('SELECT id, name FROM items WHERE id < $1', [id]),
    sleep: (seconds) => findItem('SELECT pg_sleep($1)', [seconds]),
    fail: () => findItem('SELECT 1 / $1::int AS failed', [0]),
    async inTransaction(n) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const rows = await read(client, 'SELECT $1::int AS n', [n]);
        await client.query('COMMIT');
        return rows[0].n;
      } finally {
        client.release();
      }
    },
    callers: /^(?:findItem|read)$/,
    emitter: pool,
    close: () => pool.end(),
  };
}
