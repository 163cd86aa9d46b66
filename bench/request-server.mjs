/**
 * One variant of the whole-request benchmark: an application with ten primary-key reads a
 * request. The environment decides what watches it. `/cpu` tells the CPU time spent so far.
 */
import { Hono } from 'hono';
import { serve } from '@hono/node-server';
import pg from 'pg';

// It waits while others have their turn, and is to find all its connections as they were.
const IDLE_MS = 600_000;

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 20,
  idleTimeoutMillis: IDLE_MS,
});
const app = new Hono();

if (process.env.BENCH_INSTRUMENTED === '1') {
  const { performance } = await import('../dist/frameworks/hono.js');
  app.use(performance());
}
if (process.env.BENCH_CONTEXT === '1') {
  // What an application pays for AsyncLocalStorage alone, ours or anybody's.
  const { AsyncLocalStorage } = await import('node:async_hooks');
  const contexts = new AsyncLocalStorage();
  app.use((_, next) => contexts.run({}, next));
}
app.get('/work', async (c) => {
  const rows = [];
  for (let id = 1; id <= 10; id += 1) {
    rows.push((await pool.query('SELECT id, name FROM bench WHERE id = $1', [id])).rows[0]);
  }
  return c.json(rows);
});
app.get('/cpu', (c) => c.json({ ...process.cpuUsage(), version: process.version }));

const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`);
});
server.keepAliveTimeout = IDLE_MS;
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void pool.end();
});
