/**
 * A small HyperApp on a real PostgreSQL, there to be killed. Every query has a text of its own, so
 * that whoever finds it in flight knows which one it is, and each lane of requests has a route of
 * its own, with one request at a time.
 */
import { Socket } from 'node:net';
import process from 'node:process';

import { Database } from '../../dist/database/index.js';
import { HyperApp, PerformanceMiddleware } from '../../dist/index.js';
import { note } from './journal.mjs';

const [lanesText, appName] = process.argv.slice(-2);
const lanes = Number(lanesText);
const app = new HyperApp(appName);
let queryCount = 0;

/** A query's number in the bytes that go to the server. */
const QUERY_NUMBER = /\bAS q(\d+)\b/;

/** A socket that notes a query before it takes its bytes, and its answer before anyone hears. */
function notingSocket() {
  const socket = new Socket();
  let number = -1;
  socket.on('data', () => {
    if (number >= 0) note('answer', number);
    number = -1;
  });
  // Not before: `connect` puts Node's own `write` back.
  socket.once('connect', () => {
    const write = socket.write.bind(socket);
    socket.write = (data, ...more) => {
      const match = QUERY_NUMBER.exec(Buffer.from(data).toString('latin1'));
      if (match !== null) {
        number = Number(match[1]);
        note('sent', number);
      }
      return write(data, ...more);
    };
  });
  return socket;
}

const db = new Database({
  connectionString: process.env.DATABASE_URL,
  // Fewer than what asks for one: some queries wait in the pool.
  max: Math.max(2, lanes - 2),
  stream: notingSocket,
});

async function runQuery(request) {
  const number = queryCount;
  queryCount += 1;
  note('begin', number, request);
  await db.query(
    `SELECT g AS q${number} FROM generate_series(1, $1::int) AS g, (SELECT pg_sleep($2::float8)) AS s`,
    [1 + (number % 5), (number % 4) / 1_000],
  );
  note('done', number);
}

for (let lane = 0; lane < lanes; lane += 1) {
  app.get(`/lane/${lane}`, async (c) => {
    const request = Number(c.req.header('x-request'));
    note('enter', request, lane);
    c.env.outgoing.once('close', () => note('closed', request));
    if (request % 3 === 0) await Promise.all([runQuery(request), runQuery(request)]);
    for (let run = 0; run < 1 + (request % 3); run += 1) await runQuery(request);
    note('leave', request);
    return c.text('done');
  });
}
app.use(new PerformanceMiddleware());
void app.listen({ port: 0 }).then(({ port }) => process.stdout.write(`${port}\n`));
