import { createDb } from 'pqb/node-postgres';

export async function open({ url, max, ...options }) {
  const db = createDb({ databaseURL: url, max, log: false, ...options });
  const items = db('items', (t) => ({ id: t.identity().primaryKey(), name: t.text() }));
  return {
    one: async (n) => (await db.query`SELECT ${n}::int AS n`).rows[0].n,
    async findItem(id) {
      return await items.select('id', 'name').findBy({ id });
    },
    below: (id) => items.select('id', 'name').where({ id: { lt: id } }),
    sleep: (seconds) => db.query`SELECT pg_sleep(${seconds})`,
    fail: () => db.query`SELECT 1 / ${0}::int AS failed`,
    inTransaction: (n) =>
      db.transaction(async () => (await db.query`SELECT ${n}::int AS n`).rows[0].n),
    sites: {
      async countItems() {
        return await items.count();
      },
      async queryText() {
        return await db.query`SELECT 1 AS asked`;
      },
    },
    close: () => db.close(),
  };
}
