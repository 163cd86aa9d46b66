/** Requests that ask for another protocol, and responses that no server closes. */
import { EventEmitter } from 'node:events';
import {
  createServer,
  IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';

import { fastify } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { performance as forFastify } from '../../src/frameworks/fastify.ts';
import { performance as forNode } from '../../src/frameworks/node.ts';
import { observeServers } from '../../src/frameworks/server.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';

const perf = new PerformanceMiddleware({ authorize: () => true });
observeServers(perf);
const recorder = getRecorder();
let before = perf.getStats();

beforeEach(() => {
  before = perf.getStats();
});

afterEach(() => {
  expect(recorder.core.snapshot().inFlightRequests).toEqual([]);
  expect(recorder.faultCount).toBe(0);
});

function counted(): [requests: number, queries: number] {
  const { totalRequests, totalQueries } = perf.getStats();
  return [totalRequests - before.totalRequests, totalQueries - before.totalQueries];
}

async function lastRow(): Promise<unknown> {
  const page = new Request('http://localhost/debug/performance/data');
  const response = await perf.dashboard.handle(page, undefined);
  return ((await (response as Response).json()) as { requests: unknown[] }).requests[0];
}

function query(): void {
  perf.recordQuery('SELECT 1', { durationMs: 1 });
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Asks for an upgrade, and gives the connection with what comes back first. */
async function upgrade(port: number, path = '/chat'): Promise<[Socket, string]> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n`);
  const [head] = (await new Promise((resolve, reject) => {
    socket.once('data', (...args) => resolve(args));
    socket.once('error', reject);
  })) as [Buffer];
  return [socket, head.toString('latin1')];
}

const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n';
const REFUSED = 'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n';

describe('an upgrade', () => {
  const ANSWERS: Record<string, (socket: Duplex) => void> = {
    'by write': (socket) => void socket.write(ACCEPTED),
    'by a buffer': (socket) => void socket.write(Buffer.from(ACCEPTED)),
    corked: (socket) => {
      socket.cork();
      for (const line of ACCEPTED.split(/(?<=\n)/)) socket.write(line);
      socket.uncork();
    },
  };

  it.each(Object.entries(ANSWERS))('ends when it is accepted, %s', async (_, answer) => {
    const server = createServer();
    let keys: unknown;
    server.on('upgrade', (_request, socket) => {
      const own = Reflect.ownKeys(socket).length;
      query();
      setImmediate(() => {
        query();
        answer(socket);
        keys = own - Reflect.ownKeys(socket).length;
        socket.on('data', (data: Buffer) => {
          query();
          socket.write(data);
        });
      });
    });
    const [socket, head] = await upgrade(await portOf(server));
    expect(head.startsWith('HTTP/1.1 101')).toBe(true);
    await expect.poll(counted).toEqual([1, 2]);
    expect(await lastRow()).toMatchObject({
      method: 'GET',
      route: '(unknown route)',
      status: 101,
      queryCount: 2,
      aborted: false,
    });
    expect(recorder.core.snapshot().inFlightRequests).toEqual([]);
    // The stream is as it was.
    expect(keys).toBe(3);
    socket.write('message');
    const [echoed] = (await new Promise(
      (resolve) => void socket.once('data', (...args) => resolve(args)),
    )) as [Buffer];
    expect(String(echoed)).toBe('message');
    // What a message asks for is nobody's: there is no request.
    expect(await lastRow()).toMatchObject({ queryCount: 2 });
    expect(await lastRow()).not.toHaveProperty('lateQueryCount');
    expect(recorder.unscopedQueryCount).toBe(0);
  });

  it('that is refused has the status that it was given', async () => {
    const server = createServer();
    server.on('upgrade', (_request, socket) => void socket.end(REFUSED));
    await upgrade(await portOf(server));
    await expect.poll(counted).toEqual([1, 0]);
    expect(await lastRow()).toMatchObject({ status: 401, aborted: false });
  });

  it('whose connection is lost before is aborted', async () => {
    const server = createServer();
    const arrived = new Promise<void>((resolve) => {
      server.on('upgrade', (_request, socket) => {
        socket.on('error', () => {});
        socket.resume();
        resolve();
      });
    });
    const port = await portOf(server);
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n');
    await arrived;
    socket.resetAndDestroy();
    await expect.poll(counted).toEqual([1, 0]);
    expect(await lastRow()).toMatchObject({ aborted: true });
  });

  it('a CONNECT is one as well', async () => {
    const server = createServer();
    server.on('connect', (_request, socket) => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    });
    const socket = connect(await portOf(server), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => void socket.once('data', resolve));
    await expect.poll(counted).toEqual([1, 0]);
    expect(await lastRow()).toMatchObject({ method: 'CONNECT', status: 200 });
  });

  it('that nobody listens to is a request like any other', async () => {
    const port = await portOf(createServer((_request, response) => void response.end('no')));
    const [socket, head] = await upgrade(port);
    expect(head).toMatch(/^HTTP\/1.1 200/);
    socket.destroy();
    await expect.poll(counted).toEqual([1, 0]);
    expect(await lastRow()).toMatchObject({ status: 200, aborted: false });
  });

  /** As `@fastify/websocket` does it. */
  it('that Fastify routes has its route, and ends all the same', async () => {
    const own = new PerformanceMiddleware();
    const app = fastify();
    onTestFinished(() => app.close());
    void app.register(forFastify(own));
    app.register(async (routes) => {
      routes.get('/rooms/:name', (request, reply) => {
        own.recordQuery('SELECT 1', { durationMs: 1 });
        reply.hijack();
        const { socket } = request.raw;
        socket.on('end', () => socket.end());
        socket.resume().write(ACCEPTED);
      });
    });
    app.server.on('upgrade', (request, socket) => {
      const response = new ServerResponse(request);
      response.assignSocket(socket as Socket);
      app.routing(request, response);
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    await upgrade((app.server.address() as AddressInfo).port, '/rooms/blue');
    await expect.poll(counted).toEqual([1, 1]);
    expect(own.getStats()).toMatchObject({ totalRequests: 1, totalQueries: 1 });
    expect(await lastRow()).toMatchObject({ route: '/rooms/:name', status: 101 });
  });
});

/** As adapters of serverless platforms make them: on a socket that is none. */
function respond(request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.assignSocket(new PassThrough().resume() as never);
  return response;
}

function newRequest(): IncomingMessage {
  return Object.assign(new IncomingMessage(new PassThrough() as never), {
    method: 'GET',
    url: '/x',
    headers: {},
  });
}

describe('without a server', () => {
  const observe = forNode(perf);

  it('a response that finishes ends its request', async () => {
    const request = newRequest();
    const response = respond(request);
    const events: string[] = [];
    response.on('close', () => events.push('close'));
    observe(request, response, () => {
      query();
      response.writeHead(202).end('ok');
    });
    await expect.poll(counted).toEqual([1, 1]);
    expect(events).toEqual([]);
    expect(await lastRow()).toMatchObject({ status: 202, aborted: false });
    expect(response.getHeader('x-query-count') ?? '1').toBe('1');
  });

  it('one that had finished before the middleware came ends at once', async () => {
    const request = newRequest();
    const response = respond(request);
    await new Promise<void>((resolve) => void response.end('ok', resolve));
    observe(request, response, () => {});
    expect(counted()).toEqual([1, 0]);
  });

  it('one on a server ends when it is closed, not before', async () => {
    const listener: RequestListener = (request, response) => {
      observe(request, response, () => {
        response.on('finish', () => query());
        response.end('ok');
      });
    };
    const response = await fetch(`http://127.0.0.1:${await portOf(createServer(listener))}/`);
    await response.text();
    await expect.poll(counted).toEqual([1, 1]);
    expect(await lastRow()).toMatchObject({ queryCount: 1 });
  });
});

describe('a stub', () => {
  const observe = forNode(perf);

  function emitting(): object {
    const methods = { writeHead: (): void => {}, end: (): void => {}, statusCode: 204 };
    return Object.assign(new EventEmitter(), methods);
  }

  const silent = { on: (): void => {}, emit: (): void => {}, end: (): void => {} };

  it.each<[string, object]>([
    ['a plain object', { writeHead: () => {}, end: () => {} }],
    ['an empty object', {}],
    ['a frozen object', Object.freeze({ writeHead: () => {} })],
    ['an object without a prototype', Object.create(null) as object],
    ['a Proxy', new Proxy({}, { get: () => () => {} })],
    ['a frozen emitter', Object.freeze(emitting())],
    ['an emitter that does not emit', silent],
    ['an emitter', emitting()],
  ])('%s in place of a response calls next, and holds nothing', async (_, response) => {
    for (const request of [
      { url: '/x', method: 'GET', headers: {} },
      {},
      Object.freeze({ url: 7 }),
    ]) {
      const keys = Reflect.ownKeys(response).length;
      let calls = 0;
      observe(request as never, response as never, () => (calls += 1));
      expect(calls).toBe(1);
      expect(Reflect.ownKeys(response)).toHaveLength(keys);
      if (response instanceof EventEmitter) response.emit('finish');
    }
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('that emits its end counts, with its queries', () => {
    const response = emitting() as EventEmitter;
    observe({ url: '/x', method: 'GET', headers: {} } as never, response as never, () => query());
    expect(counted()).toEqual([0, 0]);
    response.emit('finish');
    response.emit('close');
    expect(counted()).toEqual([1, 1]);
  });

  it('that emits nothing counts when its handler has run', async () => {
    observe({ url: '/x', method: 'GET' } as never, silent as never, () => query());
    await expect.poll(counted).toEqual([1, 1]);
  });

  it('whose handler throws throws on', () => {
    const error = new RangeError('mine');
    const run = (): void =>
      observe({} as never, {} as never, () => {
        throw error;
      });
    expect(run).toThrow(error);
  });
});
