// Imports what is an ECMAScript module after a middleware was made, or after `register` was imported
// as a module like any other, with no flag; prints how many queries were recorded in their scope.
import process from 'node:process';

import { getRecorder } from '../../../dist/recorder/index.js';

const [url, first] = process.argv.slice(2);
if (first === 'register') {
  await import('../../../dist/register.js');
} else {
  const { PerformanceMiddleware } = await import('../../../dist/performance/index.js');
  globalThis.middleware = new PerformanceMiddleware();
}
const recorder = getRecorder();
const scope = recorder.openScope('job', 'imported later');

const { default: postgres } = await import('postgres');
const sql = postgres(url, { max: 1 });
await recorder.runIn(scope, async () => await sql`SELECT 1`);
await sql.end();

const { PGlite } = await import('@electric-sql/pglite');
const pglite = await PGlite.create();
await recorder.runIn(scope, () => pglite.query('SELECT 2'));
await pglite.close();

console.log(JSON.stringify({ recorded: scope.queryCount, faults: recorder.faultCount }));
process.exit(0);
