import { createPool, sql } from 'slonik';

export async function open({ url, max, statement_timeout }) {
  const pool = await createPool(url, {
    maximumPoolSize: max,
    ...(statement_timeout && { statementTimeout: statement_timeout }),
    queryRetryLimit: 0,
  });
  return {
    one: async (n) => (await pool.one(sql.unsafe`SELECT ${n}::int AS n`)).n,
    async findItem(id) {
      return await pool.one(sql.unsafe`SELECT id, name FROM items WHERE id = ${id}`);
    },
    below: (id) => pool.any(sql.unsafe`SELECT id, name FROM items WHERE id < ${id}`),
    sleep: (seconds) => pool.query(sql.unsafe`SELECT pg_sleep(${seconds})`),
    fail: () => pool.query(sql.unsafe`SELECT 1 / ${0}::int AS failed`),
    inTransaction: (n) =>
      pool.transaction(async (tx) => (await tx.one(sql.unsafe`SELECT ${n}::int AS n`)).n),
    close: () => pool.end(),
  };
}
