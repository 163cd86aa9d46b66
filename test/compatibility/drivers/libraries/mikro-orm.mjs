import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';

export async function open({ url, max, ...options }) {
  const Item = new EntitySchema({
    name: 'Item',
    tableName: 'items',
    properties: { id: { type: 'number', primary: true }, name: { type: 'string' } },
  });
  const orm = await MikroORM.init({
    clientUrl: url,
    entities: [Item],
    pool: { min: 0, max },
    driverOptions: options,
  });
  const em = () => orm.em.fork();
  const plain = ({ id, name }) => ({ id, name });
  return {
    one: async (n) => (await em().getConnection().execute('SELECT ?::int AS n', [n]))[0].n,
    async findItem(id) {
      return plain(await em().findOne('Item', { id }));
    },
    below: async (id) => (await em().find('Item', { id: { $lt: id } })).map(plain),
    sleep: (seconds) => em().getConnection().execute('SELECT pg_sleep(?)', [seconds]),
    fail: () => em().getConnection().execute('SELECT 1 / ?::int AS failed', [0]),
    inTransaction: (n) =>
      em().transactional(async (tx) => (await tx.execute('SELECT ?::int AS n', [n]))[0].n),
    close: () => orm.close(),
  };
}
