// Requests of several queries each, all at once on a pool of 2; prints those that were told wrong.
import type * as Http from 'node:http';
import type { AddressInfo } from 'node:net';
import type * as Pg from 'pg';

const http = require('node:http') as typeof Http;
const pg = require('pg') as typeof Pg;

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 2 });
const answer = async (
  request: Http.IncomingMessage,
  response: Http.ServerResponse,
): Promise<void> => {
  for (let left = Number(request.url?.slice(1)); left > 0; left -= 1) await pool.query('SELECT 1');
  response.end();
};
const server = http
  .createServer((...args) => void answer(...args))
  .listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    const told = [3, 1, 0, 4, 2, 5, 3, 1].map(async (count) => {
      const { headers } = await fetch(`http://127.0.0.1:${port}/${count}`);
      return [count, headers.get('x-query-count')];
    });
    void Promise.all(told).then((all) => {
      console.log(JSON.stringify(all.filter(([count, seen]) => seen !== String(count))));
      process.exit();
    });
  });
