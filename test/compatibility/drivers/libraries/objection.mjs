import knex from 'knex';
import { Model } from 'objection';

export async function open({ url, max, ...options }) {
  const db = knex({
    client: 'pg',
    connection: { connectionString: url, ...options },
    pool: { min: 0, max },
  });
  class Item extends Model {
    static tableName = 'items';
  }
  Item.knex(db);
  const plain = ({ id, name }) => ({ id, name });
  return {
    one: async (n) => (await Item.knex().raw('SELECT ?::int AS n', [n])).rows[0].n,
    async findItem(id) {
      return plain(await Item.query().findById(id).select('id', 'name'));
    },
    below: async (id) => (await Item.query().where('id', '<', id).select('id', 'name')).map(plain),
    sleep: async (seconds) => db.raw('SELECT pg_sleep(?)', [seconds]),
    fail: async () => Item.query().select(Item.raw('1 / ?::int AS failed', [0])),
    inTransaction: (n) =>
      Item.transaction(async (tx) => (await tx.raw('SELECT ?::int AS n', [n])).rows[0].n),
    emitter: db.client,
    close: () => db.destroy(),
  };
}
