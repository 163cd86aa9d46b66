import postgres from 'postgres';

export async function open({ url, max, statement_timeout }) {
  const sql = postgres(url, {
    max,
    ...(statement_timeout && { connection: { statement_timeout } }),
  });
  return {
    one: async (n) => (await sql.unsafe('SELECT $1::int AS n', [n]))[0].n,
    async findItem(id) {
      const [item] = await sql.unsafe('SELECT id, name FROM items WHERE id = $1', [id]);
      return { id: item.id, name: item.name };
    },
    async below(id) {
      const rows = [];
      await sql.unsafe('SELECT id, name FROM items WHERE id < $1', [id]).forEach((row) => {
        rows.push(row);
      });
      return rows;
    },
    async sleep(seconds) {
      const reserved = await sql.reserve();
      try {
        await reserved`SELECT pg_sleep(${seconds})`;
      } finally {
        reserved.release();
      }
    },
    fail: () => sql.unsafe('SELECT 1 / $1::int AS failed', [0]),
    inTransaction: (n) =>
      sql.begin((tx) =>
        tx.savepoint(async (inner) => (await inner.unsafe('SELECT $1::int AS n', [n]))[0].n),
      ),
    async cancel() {
      const query = sql.unsafe('SELECT pg_sleep(10)');
      setTimeout(() => query.cancel(), 50);
      await query;
    },
    close: () => sql.end(),
  };
}
