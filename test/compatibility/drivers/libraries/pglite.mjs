import { PGlite } from '@electric-sql/pglite';
import { pg_stat_statements } from '@electric-sql/pglite/contrib/pg_stat_statements';

export const isEmbedded = true;

export async function open() {
  const database = await PGlite.create({ extensions: { pg_stat_statements } });
  await database.exec(`
    CREATE EXTENSION pg_stat_statements;
    CREATE TABLE items (id serial PRIMARY KEY, name text);
    INSERT INTO items (name) SELECT 'item ' || n FROM generate_series(1, 20) n;
    SELECT pg_stat_statements_reset();
  `);
  return {
    async one(n) {
      return (await database.query('SELECT $1::int AS n', [n])).rows[0].n;
    },
    async findItem(id) {
      return (await database.query('SELECT id, name FROM items WHERE id = $1', [id])).rows[0];
    },
    async below(id) {
      return (await database.sql`SELECT id, name FROM items WHERE id < ${id}`).rows;
    },
    sleep: (seconds) => database.query('SELECT pg_sleep($1)', [seconds]),
    fail: () => database.query('SELECT 1 / $1::int AS failed', [0]),
    inTransaction: (n) =>
      database.transaction(async (tx) => (await tx.query('SELECT $1::int AS n', [n])).rows[0].n),
    async statements() {
      const { rows } = await database.query(
        `SELECT query, calls::int, max_exec_time AS "maxMs" FROM pg_stat_statements
         WHERE query NOT LIKE '%pg_stat_statements%'`,
      );
      return rows;
    },
    close: () => database.close(),
  };
}
