import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createShop } from '../../src/cli/demo/app.ts';
import { SHOP_SCHEMA } from '../../src/cli/demo/schema.ts';
import { openShop, prepareShop } from '../../src/cli/demo/shop-database.ts';
import { generateTraffic } from '../../src/cli/demo/traffic.ts';
import type { Database } from '../../src/database/index.ts';
import type { StatementSnapshot } from '../../src/engine/engine.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import { normalizeSql } from '../../src/sql/index.ts';
import {
  createDatabase,
  createRole,
  type TestDatabase,
  type TestRole,
} from '../support/postgres.ts';

const VISIT_COUNT = 80;

let role: TestRole;
let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  [role, server] = await Promise.all([createRole(), createDatabase()]);
  await prepareShop(server.url);
  await server.query('CREATE EXTENSION pg_stat_statements');
  await server.query(`GRANT USAGE ON SCHEMA ${SHOP_SCHEMA} TO ${role.name}`);
  await server.query(`GRANT ALL ON ALL TABLES IN SCHEMA ${SHOP_SCHEMA} TO ${role.name}`);
  database = openShop(server.urlFor(role), 5);
  await database.connect();
});

afterAll(async () => {
  await database.close();
  await server.drop();
  await role.drop();
});

/** Runs that succeeded, as PostgreSQL counted them for the shop's role, by fingerprint. */
async function serverCounts(): Promise<Map<string, number>> {
  const rows = await server.query<{ query: string; calls: number }>(
    `SELECT query, calls::int FROM pg_stat_statements
     WHERE userid = $1::regrole AND dbid = (SELECT oid FROM pg_database WHERE datname = $2)`,
    [role.name, server.name],
  );
  const counts = new Map<string, number>();
  for (const { query, calls } of rows) {
    const { fingerprint } = normalizeSql(query);
    counts.set(fingerprint, (counts.get(fingerprint) ?? 0) + calls);
  }
  return counts;
}

async function resetServerCounts(): Promise<void> {
  await server.query(
    `SELECT pg_stat_statements_reset($1::regrole,
            (SELECT oid FROM pg_database WHERE datname = $2))`,
    [role.name, server.name],
  );
}

interface OwnCounts {
  readonly texts: ReadonlyMap<string, string>;
  /** Runs that succeeded, by fingerprint; none is 0. */
  readonly successes: ReadonlyMap<string, number>;
  readonly errorCount: number;
}

/** What this process has recorded since `start`. */
function ownCounts(start: readonly StatementSnapshot[] = []): OwnCounts {
  const before = new Map(start.map((statement) => [statement.fingerprint, statement]));
  const texts = new Map<string, string>();
  const successes = new Map<string, number>();
  let errorCount = 0;
  for (const { fingerprint, text, ...now } of getRecorder().core.snapshot().statements) {
    const earlier = before.get(fingerprint) ?? { callCount: 0, errorCount: 0 };
    const errors = now.errorCount - earlier.errorCount;
    const runs = now.callCount - earlier.callCount - errors;
    errorCount += errors;
    texts.set(fingerprint, text);
    if (runs > 0) successes.set(fingerprint, runs);
  }
  return { texts, successes, errorCount };
}

describe("our counts and PostgreSQL's own", () => {
  it('are equal for every statement of the same traffic', async () => {
    // The proof that the server answers is ours, not the shop's.
    await resetServerCounts();
    const start = getRecorder().core.snapshot().statements;
    const performance = new PerformanceMiddleware();
    const shop = await createShop({ database, performance, paymentMs: 5 }).listen({ port: 0 });
    const { url } = shop;
    const report = await generateTraffic({ url, visitCount: VISIT_COUNT, thinkTimeMs: 0 });
    await shop.close();
    // Both taken now: the test's own look at the server is a query of this process too.
    const ours = ownCounts(start);
    const stats = performance.getStats();
    const theirs = await serverCounts();

    const byText = (counts: ReadonlyMap<string, number>): Record<string, number> =>
      Object.fromEntries(
        [...counts].map(([fingerprint, count]) => [
          ours.texts.get(fingerprint) ?? fingerprint,
          count,
        ]),
      );
    expect(byText(ours.successes)).toEqual(byText(theirs));
    // All of the shop's statements took part, transactions included.
    expect(Object.keys(byText(ours.successes))).toEqual(
      expect.arrayContaining(['BEGIN', 'COMMIT']),
    );
    expect(ours.successes.size).toBe(17);

    // The failed ones are all those of the broken report; the server does not count them.
    expect(report).toMatchObject({ failureCount: 0, statusCounts: { 500: ours.errorCount } });
    const successCount = [...ours.successes.values()].reduce((sum, count) => sum + count, 0);
    expect(stats).toMatchObject({
      totalRequests: report.requestCount,
      totalQueries: successCount + ours.errorCount,
      unscopedQueries: 0,
    });
  });
});
