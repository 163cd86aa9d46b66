import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';

export async function open({ url, max, ...options }) {
  const pool = new pg.Pool({ connectionString: url, max, ...options });
  const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
  return {
    one: async (n) => (await sql`SELECT ${n}::int AS n`.execute(db)).rows[0].n,
    async findItem(id) {
      const query = db.selectFrom('items').select(['id', 'name']).where('id', '=', id);
      return await query.executeTakeFirst();
    },
    below: (id) => db.selectFrom('items').select(['id', 'name']).where('id', '<', id).execute(),
    sleep: (seconds) => sql`SELECT pg_sleep(${seconds})`.execute(db),
    fail: () => sql`SELECT 1 / ${0}::int AS failed`.execute(db),
    inTransaction: (n) =>
      db
        .transaction()
        .execute(async (tx) => (await sql`SELECT ${n}::int AS n`.execute(tx)).rows[0].n),
    emitter: pool,
    close: () => db.destroy(),
  };
}
