import knex from 'knex';

export async function open({ url, max, ...options }) {
  const db = knex({
    client: 'pg',
    connection: { connectionString: url, ...options },
    pool: { min: 0, max },
  });
  return {
    one: async (n) => (await db.raw('SELECT ?::int AS n', [n])).rows[0].n,
    async findItem(id) {
      return await db('items').select('id', 'name').where({ id }).first();
    },
    below: async (id) => db('items').select('id', 'name').where('id', '<', id),
    sleep: async (seconds) => db.raw('SELECT pg_sleep(?)', [seconds]),
    fail: async () => db.raw('SELECT 1 / ?::int AS failed', [0]),
    inTransaction: (n) =>
      db.transaction(async (tx) => (await tx.raw('SELECT ?::int AS n', [n])).rows[0].n),
    emitter: db.client,
    close: () => db.destroy(),
  };
}
