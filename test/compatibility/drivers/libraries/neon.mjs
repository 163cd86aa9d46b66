import { neonConfig, Pool } from '@neondatabase/serverless';
import net from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/** Its connections go over a WebSocket, to a proxy that hands on what it gets. */
async function openProxy(url) {
  const { hostname, port } = new URL(url);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.on('listening', resolve));
  server.on('connection', (webSocket) => {
    const socket = net.connect(Number(port), hostname);
    webSocket.on('message', (data) => socket.write(data));
    socket.on('data', (data) => webSocket.send(data));
    socket.on('close', () => webSocket.close());
    socket.on('error', () => webSocket.close());
    webSocket.on('close', () => socket.destroy());
  });
  return server;
}

/** Its settings hold for all of its pools. */
let proxy;

export async function open({ url, max, ...options }) {
  proxy ??= await openProxy(url);
  Object.assign(neonConfig, {
    webSocketConstructor: WebSocket,
    wsProxy: () => `127.0.0.1:${proxy.address().port}/v1`,
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
