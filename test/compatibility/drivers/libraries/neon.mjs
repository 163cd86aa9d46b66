import { neonConfig, Pool } from '@neondatabase/serverless';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';

/** Its connections go over a WebSocket, to a proxy, which is another process as in production. */
async function openProxy(url) {
  const proxy = fork(fileURLToPath(new URL('../neon-proxy.mjs', import.meta.url)), [url], {
    execArgv: [],
  });
  const [port] = await once(proxy, 'message');
  proxy.unref();
  proxy.channel.unref();
  return port;
}

/** Its settings hold for all of its pools. */
let proxyPort;

export async function open({ url, max, ...options }) {
  proxyPort ??= await openProxy(url);
  Object.assign(neonConfig, {
    webSocketConstructor: WebSocket,
    wsProxy: () => `127.0.0.1:${proxyPort}/v1`,
    useSecureWebSocket: false,
    pipelineConnect: false,
    forceDisablePgSSL: true,
  });
  const pool = new Pool({ connectionString: url, max, ...options });
  return {
    one: async (n) => (await pool.query('SELECT $1::int AS n', [n])).rows[0].n,
    async findItem(id) {
      const { rows } = await pool.query('SELECT id, name FROM items WHERE id = $1', [id]);
      return rows[0];
    },
    below: async (id) => (await pool.query('SELECT id, name FROM items WHERE id < $1', [id])).rows,
    sleep: (seconds) => pool.query('SELECT pg_sleep($1)', [seconds]),
    fail: () => pool.query('SELECT 1 / $1::int AS failed', [0]),
    async inTransaction(n) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const { rows } = await client.query('SELECT $1::int AS n', [n]);
        await client.query('COMMIT');
        return rows[0].n;
      } finally {
        client.release();
      }
    },
    emitter: pool,
    close: () => pool.end(),
  };
}
