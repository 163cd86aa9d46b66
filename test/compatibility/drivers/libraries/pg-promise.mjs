import pgPromise from 'pg-promise';

export async function open({ url, max, ...options }) {
  const pgp = pgPromise();
  const db = pgp({ connectionString: url, max, ...options });
  return {
    one: async (n) => (await db.one('SELECT $1::int AS n', [n])).n,
    async findItem(id) {
      return await db.one('SELECT id, name FROM items WHERE id = $1', [id]);
    },
    below: (id) => db.any('SELECT id, name FROM items WHERE id < $1', [id]),
    sleep: (seconds) => db.any('SELECT pg_sleep($1)', [seconds]),
    fail: () => db.any('SELECT 1 / $1::int AS failed', [0]),
    inTransaction: (n) => db.tx(async (tx) => (await tx.one('SELECT $1::int AS n', [n])).n),
    emitter: db.$pool,
    close: () => db.$pool.end(),
  };
}
