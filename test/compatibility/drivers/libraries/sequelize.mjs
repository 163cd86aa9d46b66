import { DataTypes, Op, Sequelize } from 'sequelize';

export async function open({ url, max, ...options }) {
  const sequelize = new Sequelize(url, { logging: false, pool: { max }, dialectOptions: options });
  const Item = sequelize.define(
    'item',
    { name: DataTypes.TEXT },
    { tableName: 'items', timestamps: false },
  );
  const plain = (item) => ({ id: item.id, name: item.name });
  const bound = (sql, bind, more) => sequelize.query(sql, { bind, ...more });
  return {
    one: async (n) => (await bound('SELECT $1::int AS n', [n]))[0][0].n,
    async findItem(id) {
      return plain(await Item.findByPk(id));
    },
    below: async (id) => (await Item.findAll({ where: { id: { [Op.lt]: id } } })).map(plain),
    sleep: (seconds) => bound('SELECT pg_sleep($1)', [seconds]),
    fail: () => bound('SELECT 1 / $1::int AS failed', [0]),
    inTransaction: (n) =>
      sequelize.transaction(
        async (transaction) => (await bound('SELECT $1::int AS n', [n], { transaction }))[0][0].n,
      ),
    close: () => sequelize.close(),
  };
}
