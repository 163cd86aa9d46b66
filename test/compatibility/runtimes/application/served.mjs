// Hono on the runtime's own server, which is none of node:http.
import process from 'node:process';

import { Hono } from 'hono';
import { status } from 'hyperdjango';
import { instrument } from 'hyperdjango/drivers';
import { performance } from 'hyperdjango/hono';
import pg from 'pg';
import postgres from 'postgres';

import { findItems, findRows } from './routes.mjs';

instrument(postgres);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
const sql = postgres(process.env.DATABASE_URL, { max: 2 });
const app = new Hono();
app.use(performance());
app.get('/items/:id', async (c) => c.json(await findItems(pool, c.req.param('id'))));
app.get('/rows/:id', async (c) => c.json(await findRows(sql, c.req.param('id'))));
app.get('/status', (c) => c.json(status()));

const { Bun, Deno } = globalThis;
const at = { hostname: '127.0.0.1', port: 0 };
const server = Bun
  ? Bun.serve({ ...at, fetch: app.fetch })
  : Deno.serve({ ...at, onListen: () => {} }, app.fetch);
console.log(server.port ?? server.addr.port);

process.once('SIGTERM', () => {
  void Promise.all([Bun ? server.stop(true) : server.shutdown(), pool.end(), sql.end()]);
});
