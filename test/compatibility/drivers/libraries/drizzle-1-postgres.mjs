import { defineRelations, eq, sql } from 'drizzle-orm-1';
import { pgTable, serial, text } from 'drizzle-orm-1/pg-core';
import { drizzle } from 'drizzle-orm-1/postgres-js';
import postgres from 'postgres';

const items = pgTable('items', { id: serial().primaryKey(), name: text() });
const relations = defineRelations({ items });

export async function open({ url, max, statement_timeout }) {
  const client = postgres(url, {
    max,
    ...(statement_timeout && { connection: { statement_timeout } }),
  });
  const db = drizzle({ client, relations });
  return {
    one: async (n) => (await db.execute(sql`SELECT ${n}::int AS n`))[0].n,
    async findItem(id) {
      return (await db.select().from(items).where(eq(items.id, id)))[0];
    },
    below: (id) => db.query.items.findMany({ where: { id: { lt: id } } }),
    sleep: (seconds) => db.execute(sql`SELECT pg_sleep(${seconds})`),
    fail: () => db.execute(sql`SELECT 1 / ${0}::int AS failed`),
    inTransaction: (n) =>
      db.transaction(async (tx) => (await tx.execute(sql`SELECT ${n}::int AS n`))[0].n),
    close: () => client.end(),
  };
}
