import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createShop } from '../../src/cli/demo/app.ts';
import { SHOP_SCHEMA } from '../../src/cli/demo/schema.ts';
import { openShop, prepareShop } from '../../src/cli/demo/shop-database.ts';
import { generateTraffic } from '../../src/cli/demo/traffic.ts';
import type { Database } from '../../src/database/index.ts';
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

/** Runs for each fingerprint, as PostgreSQL counted them for the shop's role. */
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

interface OwnCount {
  readonly text: string;
  readonly successCount: number;
  readonly errorCount: number;
}

/** Runs for each fingerprint, as we counted them in this process. */
function ownCounts(): Map<string, OwnCount> {
  const { statements } = getRecorder().core.snapshot();
  return new Map(
    statements.map(({ fingerprint, text, callCount, errorCount }) => [
      fingerprint,
      { text, successCount: callCount - errorCount, errorCount },
    ]),
  );
}

describe("our counts and PostgreSQL's own", () => {
  it('are equal for every statement of the same traffic', async () => {
    // The proof that the server answers is ours, not the shop's.
    await server.query(
      `SELECT pg_stat_statements_reset($1::regrole,
              (SELECT oid FROM pg_database WHERE datname = $2))`,
      [role.name, server.name],
    );
    const performance = new PerformanceMiddleware();
    const before = ownCounts();
    const shop = await createShop({ database, performance, paymentMs: 5 }).listen({ port: 0 });
    const { url } = shop;
    const report = await generateTraffic({ url, visitCount: VISIT_COUNT, thinkTimeMs: 0 });
    await shop.close();
    expect(report.failureCount).toBe(0);

    const counted = [...ownCounts()].map(([fingerprint, { text, successCount, errorCount }]) => ({
      fingerprint,
      text,
      ours: successCount - (before.get(fingerprint)?.successCount ?? 0),
      failed: errorCount - (before.get(fingerprint)?.errorCount ?? 0),
    }));
    const theirs = await serverCounts();
    const succeeded = counted.filter(({ ours }) => ours > 0);
    expect(succeeded).toEqual(
      succeeded.map((row) => ({ ...row, ours: theirs.get(row.fingerprint) })),
    );
    // And the server knows of no statement that we missed.
    expect(new Set(theirs.keys())).toEqual(new Set(succeeded.map((row) => row.fingerprint)));
    // All the shop's statements took part, transactions included.
    expect(succeeded.map(({ text }) => text)).toEqual(expect.arrayContaining(['BEGIN', 'COMMIT']));
    expect(succeeded.length).toBeGreaterThanOrEqual(17);

    const totals = counted.reduce((sum, { ours, failed }) => sum + ours + failed, 0);
    expect(performance.getStats()).toMatchObject({
      totalRequests: report.requestCount,
      totalQueries: totals,
      unscopedQueries: 0,
    });
  });
});
