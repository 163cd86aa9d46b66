import 'reflect-metadata';
import typeorm from 'typeorm';

const { DataSource, EntitySchema, LessThan } = typeorm;

export async function open({ url, max, ...options }) {
  const Item = new EntitySchema({
    name: 'Item',
    tableName: 'items',
    columns: { id: { type: Number, primary: true, generated: true }, name: { type: String } },
    relations: {
      self: {
        type: 'many-to-one',
        target: 'Item',
        lazy: true,
        joinColumn: { name: 'id', referencedColumnName: 'id' },
      },
    },
  });
  const source = new DataSource({
    type: 'postgres',
    url,
    entities: [Item],
    extra: { max, ...options },
  });
  await source.initialize();
  const repository = source.getRepository(Item);
  return {
    one: async (n) => (await source.query('SELECT $1::int AS n', [n]))[0].n,
    async findItem(id) {
      return await repository.findOneBy({ id });
    },
    below: (id) => repository.findBy({ id: LessThan(id) }),
    sleep: (seconds) => source.query('SELECT pg_sleep($1)', [seconds]),
    fail: () => source.query('SELECT 1 / $1::int AS failed', [0]),
    inTransaction: (n) =>
      source.transaction(async (tx) => (await tx.query('SELECT $1::int AS n', [n]))[0].n),
    sites: {
      async lazyRelation() {
        return await repository.create({ id: 3 }).self;
      },
    },
    emitter: source.driver.master,
    close: () => source.destroy(),
  };
}
