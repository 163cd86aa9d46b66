// What is said of ES modules that were imported before any hook: drivers are no zero, an ORM has no
// call sites; until each is given to `instrument()`.
import process from 'node:process';

import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import pg from 'pg';
import postgres from 'postgres';

import { instrument } from '../../../dist/drivers/index.js';
import { PerformanceMiddleware } from '../../../dist/performance/index.js';
import { getRecorder } from '../../../dist/recorder/index.js';
import { status } from '../../../dist/status.js';

const [url] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url });
const items = pgTable('items', { id: integer('id') });
const libraries = {
  sql: postgres(url, { max: 1 }),
  pglite: undefined,
  db: drizzle(pool),
};
const ask = {
  sql: async () => libraries.sql`SELECT 1`,
  // It starts by itself once there is one.
  pglite: async () => (libraries.pglite ??= new PGlite()).query('SELECT 1'),
  db: async () => libraries.db.select().from(items),
};

const middleware = new PerformanceMiddleware();
const recorder = getRecorder();

async function headerOf(name) {
  const scope = recorder.openScope('job', name);
  await recorder.runIn(scope, ask[name]);
  const headers = new Map();
  middleware.writeHeaders(scope, headers);
  recorder.closeScope(scope, { statusCode: 200, isAborted: false });
  return headers.get('X-Query-Count') ?? null;
}

const seen = [];
for (const name of ['db', 'sql', 'pglite']) {
  const before = await headerOf(name);
  const { unseen, withoutCallSites } = status();
  instrument(libraries[name]);
  const after = await headerOf(name);
  seen.push([name, before, unseen, withoutCallSites, after, status().unseen]);
}
console.log(JSON.stringify({ seen, without: status().withoutCallSites }));
process.exit(0);
