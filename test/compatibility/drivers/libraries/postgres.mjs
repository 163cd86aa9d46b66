import postgres from 'postgres';

export async function open({ url, max, statement_timeout }) {
  const sql = postgres(url, {
    max,
    ...(statement_timeout && { connection: { statement_timeout } }),
  });
  return {
    async one(n) {
      return (await sql`SELECT ${n}::int AS n`)[0].n;
    },
    async findItem(id) {
      const [item] = await sql`SELECT id, name FROM items WHERE id = ${id}`;
      return { id: item.id, name: item.name };
    },
    async below(id) {
      return (await sql.unsafe('SELECT id, name FROM items WHERE id < $1', [id])).map((row) => row);
    },
    sleep: (seconds) => sql`SELECT pg_sleep(${seconds})`,
    fail: () => sql`SELECT 1 / ${0}::int AS failed`,
    async inTransaction(n) {
      return sql.begin(async (tx) => (await tx`SELECT ${n}::int AS n`)[0].n);
    },
    async cancel() {
      const query = sql`SELECT pg_sleep(10)`;
      setTimeout(() => query.cancel(), 50);
      await query;
    },
    close: () => sql.end(),
  };
}
