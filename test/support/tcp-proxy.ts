import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy in front of a server, for what networks do to connections. */
export interface TcpProxy {
  /** The server's connection string, by way of the proxy. */
  readonly url: string;
  /** Connections that it has accepted so far. */
  readonly acceptedCount: number;
  /**
   * From now on nothing is forwarded, and nobody is told: connections stay open, new ones are
   * accepted. What is open now never comes back.
   */
  blackHole(): void;
  /** From now on new connections are ended at once; those that are open too. */
  refuse(): void;
  /** New connections are forwarded again. */
  forward(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(serverUrl: string): Promise<TcpProxy> {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let mode: 'forward' | 'blackHole' | 'refuse' = 'forward';
  let acceptedCount = 0;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    acceptedCount += 1;
    keep(client);
    if (mode === 'refuse') client.destroy();
    if (mode !== 'forward') return;
    const upstream = connect(Number(target.port), target.hostname);
    keep(upstream);
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(serverUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    get acceptedCount() {
      return acceptedCount;
    },
    blackHole() {
      mode = 'blackHole';
      for (const socket of sockets) socket.unpipe().pause();
    },
    refuse() {
      mode = 'refuse';
      for (const socket of sockets) socket.destroy();
    },
    forward() {
      mode = 'forward';
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
