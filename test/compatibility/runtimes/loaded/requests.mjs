// A test of an application, for Jest and vitest: each has a module system of its own.
/* global test, expect */
import { once } from 'node:events';
import { createServer } from 'node:http';
import pg from 'pg';
import postgres from 'postgres';
import { status } from 'hyperdjango';
import { instrument } from 'hyperdjango/drivers';
import { performance } from 'hyperdjango/node';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
const sql = postgres(process.env.DATABASE_URL, { max: 2 });

test('requests are told what they asked for, or nothing', async () => {
  const observe = performance();
  const server = createServer((request, response) =>
    observe(request, response, async () => {
      if (request.url === '/sql') await sql`SELECT 1`;
      for (let left = Number(request.url.slice(1)); left > 0; left -= 1) {
        await pool.query('SELECT 1');
      }
      response.end();
    }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const count = async (path) => {
    const { headers } = await fetch(`http://127.0.0.1:${server.address().port}/${path}`);
    return headers.get('x-query-count');
  };
  const counts = [3, 1, 0, 4, 2, 5, 3, 1];
  expect(await Promise.all(counts.map(count))).toEqual(counts.map(String));
  const isSeen = (await count('sql')) === '1';
  expect([isSeen, status().unseen]).toEqual(isSeen ? [true, []] : [false, ['postgres.js']]);
  if (!isSeen) expect([await count('0'), await count('2')]).toEqual([null, '2']);
  instrument(sql);
  expect([await count('sql'), await count('0'), status().unseen]).toEqual(['1', '0', []]);
  await Promise.all([pool.end(), sql.end()]);
  server.close();
  server.closeAllConnections();
});
