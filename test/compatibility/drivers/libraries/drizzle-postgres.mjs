import { eq, lt, sql } from 'drizzle-orm';
import { pgTable, serial, text } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';

const items = pgTable('items', { id: serial().primaryKey(), name: text() });

export async function open({ url, max, statement_timeout }) {
  const client = postgres(url, {
    max,
    ...(statement_timeout && { connection: { statement_timeout } }),
  });
  const db = drizzle(client, { schema: { items } });
  return {
    one: async (n) => (await db.execute(sql`SELECT ${n}::int AS n`))[0].n,
    async findItem(id) {
      return (await db.select().from(items).where(eq(items.id, id)))[0];
    },
    below: (id) => db.query.items.findMany({ where: lt(items.id, id) }),
    sleep: (seconds) => db.execute(sql`SELECT pg_sleep(${seconds})`),
    fail: () => db.execute(sql`SELECT 1 / ${0}::int AS failed`),
    inTransaction: (n) =>
      db.transaction(async (tx) => (await tx.execute(sql`SELECT ${n}::int AS n`))[0].n),
    close: () => client.end(),
  };
}
