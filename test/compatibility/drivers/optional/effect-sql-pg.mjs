import { PgClient } from '@effect/sql-pg';
import { Cause, Effect, ManagedRuntime, Redacted } from 'effect';

export async function open({ url, max, statement_timeout }) {
  const address = new URL(url);
  if (statement_timeout) address.searchParams.set('statement_timeout', statement_timeout);
  const runtime = ManagedRuntime.make(
    PgClient.layer({ url: Redacted.make(address.href), maxConnections: max }),
  );
  const run = async (ask) => {
    const exit = await runtime.runPromiseExit(Effect.flatMap(PgClient.PgClient, ask));
    if (exit._tag === 'Success') return exit.value;
    throw Cause.squash(exit.cause);
  };
  return {
    one: async (n) => (await run((sql) => sql`SELECT ${n}::int AS n`))[0].n,
    async findItem(id) {
      return (await run((sql) => sql`SELECT id, name FROM items WHERE id = ${id}`))[0];
    },
    below: (id) => run((sql) => sql`SELECT id, name FROM items WHERE id < ${id}`),
    sleep: (seconds) => run((sql) => sql`SELECT pg_sleep(${seconds})`),
    fail: () => run((sql) => sql`SELECT 1 / ${0}::int AS failed`),
    inTransaction: async (n) =>
      (await run((sql) => sql.withTransaction(sql`SELECT ${n}::int AS n`)))[0].n,
    close: () => runtime.dispose(),
  };
}
