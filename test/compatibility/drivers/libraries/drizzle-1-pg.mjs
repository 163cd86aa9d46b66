import { defineRelations, eq, sql } from 'drizzle-orm-1';
import { drizzle } from 'drizzle-orm-1/node-postgres';
import { pgTable, serial, text } from 'drizzle-orm-1/pg-core';
import pg from 'pg';

const items = pgTable('items', { id: serial().primaryKey(), name: text() });
const relations = defineRelations({ items });

export async function open({ url, max, ...options }) {
  const pool = new pg.Pool({ connectionString: url, max, ...options });
  const db = drizzle({ client: pool, relations });
  return {
    one: async (n) => (await db.execute(sql`SELECT ${n}::int AS n`)).rows[0].n,
    async findItem(id) {
      return (await db.select().from(items).where(eq(items.id, id)))[0];
    },
    below: (id) => db.query.items.findMany({ where: { id: { lt: id } } }),
    sleep: (seconds) => db.execute(sql`SELECT pg_sleep(${seconds})`),
    fail: () => db.execute(sql`SELECT 1 / ${0}::int AS failed`),
    inTransaction: (n) =>
      db.transaction(async (tx) => (await tx.execute(sql`SELECT ${n}::int AS n`)).rows[0].n),
    sites: {
      async insertItem() {
        return db.insert(items).values({ name: 'inserted' });
      },
      async updateItem() {
        return db.update(items).set({ name: 'item 3' }).where(eq(items.id, 3));
      },
      async deleteItem() {
        return db.delete(items).where(eq(items.name, 'inserted'));
      },
      async findFirstItem() {
        return db.query.items.findFirst({ where: { id: 3 } });
      },
      async countItems() {
        return db.$count(items);
      },
      async executeText() {
        return db.execute(sql`SELECT 1 AS executed`);
      },
    },
    emitter: pool,
    close: () => pool.end(),
  };
}
