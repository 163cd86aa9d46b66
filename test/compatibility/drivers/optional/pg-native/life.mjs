// What the cases for all libraries leave out: pipelines, refusals, and taking the hooks off while
// a query runs.
import process from 'node:process';

import pg from 'pg';

import { instrument, uninstrument } from '../../../../../dist/drivers/index.js';
import { getRecorder } from '../../../../../dist/recorder/index.js';

const url = process.argv[2];
const { Client, Query } = pg.native;
const recorder = getRecorder();
const ended = [];
recorder.subscribe({
  onQueryEnded({ sql, scope, rowCount, sqlState, durationNs }) {
    ended.push([sql, scope?.name, rowCount, sqlState ?? null, durationNs >= 0]);
  },
});

/** What of the work was recorded. */
async function recordedOf(name, work) {
  const first = ended.length;
  const scope = recorder.openScope('job', name);
  await recorder.runIn(scope, work);
  recorder.closeScope(scope, { statusCode: 0, isAborted: false });
  return ended.slice(first);
}

const { query } = Client.prototype;
instrument(pg.native);
const pipelined = new Client({ connectionString: url, pipeline: true });
await pipelined.connect();
const pipeline = await recordedOf('pipeline', () =>
  Promise.allSettled([
    pipelined.query('SELECT 1 AS a'),
    pipelined.query('SELECT 1 / 0 AS b'),
    pipelined.query('SELECT n FROM generate_series(1, 3) n'),
  ]),
);
await pipelined.end();

const client = new Client(url);
await client.connect();
const whileRunning = await recordedOf('uninstrumented', async () => {
  const running = client.query('SELECT pg_sleep(0.05)');
  uninstrument(pg.native);
  await running;
  await client.query('SELECT 2 AS unseen');
});
const isBack = Client.prototype.query === query && !Object.hasOwn(Query.prototype, 'emit');

instrument(client);
await client.end();
const refused = await recordedOf('refused', () => client.query('SELECT 3').catch(() => {}));
const { inFlightQueries } = recorder.core.snapshot();
console.log(
  JSON.stringify({
    ...{ pipeline, whileRunning, isBack, refused },
    ...{ left: inFlightQueries.length, faults: recorder.faultCount },
  }),
);
process.exit(0);
