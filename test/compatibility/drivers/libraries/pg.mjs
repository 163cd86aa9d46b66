import pg from 'pg';

export async function open({ url, max, ...options }) {
  const pool = new pg.Pool({ connectionString: url, max, ...options });
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
    emitter: pool,
    close: () => pool.end(),
  };
}
