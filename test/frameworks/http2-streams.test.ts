/** Servers of `node:http2`, by whichever of its ways an application answers. */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import http2, {
  type ClientHttp2Session,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { setRoute } from '../../src/frameworks/node.ts';
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

function counted(): [requests: number, queries: number] {
  const { totalRequests, totalQueries } = perf.getStats();
  return [totalRequests - before.totalRequests, totalQueries - before.totalQueries];
}

interface Row {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly aborted: boolean;
}

async function lastRow(): Promise<Row | undefined> {
  const page = new Request('http://localhost/debug/performance/data');
  const response = await perf.dashboard.handle(page, undefined);
  return ((await (response as Response).json()) as { requests: Row[] }).requests[0];
}

function query(): void {
  perf.recordQuery('SELECT 1', { durationMs: 1 });
}

async function connectTo(server: Http2Server): Promise<ClientHttp2Session> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const session = http2.connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  return session;
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders | undefined;
}

async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/x', ...headers });
    let body = '';
    let answered: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders | undefined;
    stream.on('response', (received) => (answered = received));
    stream.on('trailers', (received) => (trailers = received));
    stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    stream.on('error', reject);
    stream.on('close', () => resolve({ headers: answered, body, trailers }));
  });
}

/** Two queries, the second one later. */
async function work(): Promise<void> {
  query();
  await new Promise((resolve) => setImmediate(resolve));
  query();
}

const folder = mkdtempSync(join(tmpdir(), 'hyperdjango-http2-'));
const file = join(folder, 'body.txt');
writeFileSync(file, 'ok');

const WAYS: Record<string, (stream: ServerHttp2Stream) => void> = {
  'respond with headers': (stream) => {
    stream.respond({ ':status': 201, 'x-own': ['1', '2'] });
    stream.end('ok');
  },
  'respond without arguments': (stream) => {
    stream.respond();
    stream.end('ok');
  },
  'no head at all': (stream) => void stream.end('ok'),
  respondWithFile: (stream) => stream.respondWithFile(file, { ':status': 203 }),
  respondWithFD: (stream) => {
    const fd = openSync(file, 'r');
    stream.on('close', () => closeSync(fd));
    stream.respondWithFD(fd, { ':status': 203 });
  },
  'informational headers before': (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
    stream.respond({ ':status': 200 });
    stream.end('ok');
  },
  'trailers behind': (stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': '7' }));
    stream.end('ok');
  },
  'a pushed stream beside': (stream) => {
    stream.pushStream({ ':path': '/pushed' }, (_error, pushed) => {
      pushed.respond({ ':status': 200 });
      pushed.end('pushed');
    });
    stream.respond({ ':status': 200 });
    stream.end('ok');
  },
};

describe("a server that listens to 'stream'", () => {
  it.each(Object.entries(WAYS))('counts a request of two queries: %s', async (way, answer) => {
    const server = http2.createServer();
    server.on('stream', (stream) => void work().then(() => answer(stream)));
    const session = await connectTo(server);
    const pushed: IncomingHttpHeaders[] = [];
    session.on('stream', (stream) => stream.on('push', (headers) => pushed.push(headers)));
    const { headers, body } = await ask(session);
    expect([headers['x-query-count'], headers['x-query-time'], body]).toEqual(['2', '2.0ms', 'ok']);
    await expect.poll(counted).toEqual([1, 2]);
    expect(await lastRow()).toMatchObject({
      method: 'GET',
      route: '(unknown route)',
      status: headers[':status'],
      aborted: false,
    });
    expect(recorder.core.snapshot().inFlightRequests).toEqual([]);
    expect(pushed).toHaveLength(way === 'a pushed stream beside' ? 1 : 0);
    for (const headersOfPushed of pushed)
      expect(headersOfPushed).not.toHaveProperty('x-query-count');
  });

  it('leaves what was given as it is, and what Node refuses to Node', async () => {
    const given = Object.freeze({
      ':status': 200,
      'X-Query-Count': '99',
      'set-cookie': ['a', 'b'],
    });
    const errors: unknown[] = [];
    const server = http2.createServer();
    server.on('stream', (stream) => {
      for (const wrong of ['text', 7, null]) {
        try {
          stream.respond(wrong as never);
        } catch (error) {
          errors.push((error as { code: string }).code);
        }
        if (stream.headersSent) return;
      }
      stream.respond(given);
      try {
        stream.respond();
      } catch (error) {
        errors.push((error as { code: string }).code);
      }
      stream.end();
    });
    const { headers } = await ask(await connectTo(server));
    expect(errors.at(-1)).toBe('ERR_HTTP2_HEADERS_SENT');
    expect([headers['x-query-count'], headers['set-cookie']]).toEqual(['0', ['a', 'b']]);
    expect(given['X-Query-Count']).toBe('99');
  });

  it('has a route where it says one, and events in the scope of their request', async () => {
    const server = http2.createServer();
    server.on('stream', (stream) => {
      setRoute(stream as never, '/upload');
      stream.on('data', () => query());
      stream.on('end', () => {
        query();
        stream.respond({ ':status': 200 });
        stream.end();
      });
    });
    const session = await connectTo(server);
    const stream = session.request({ ':path': '/x', ':method': 'POST' });
    const headers = new Promise<IncomingHttpHeaders>((resolve) => stream.on('response', resolve));
    stream.end('body');
    stream.resume();
    expect((await headers)['x-query-count']).toBe('2');
    await expect.poll(counted).toEqual([1, 2]);
    expect(await lastRow()).toMatchObject({ method: 'POST', route: '/upload' });
  });

  it('shows the dashboard to local visitors', async () => {
    const server = http2.createServer();
    server.on('stream', (stream) => void stream.end('mine'));
    const answer = await ask(await connectTo(server), { ':path': '/debug/performance/json' });
    expect(JSON.parse(answer.body)).toHaveProperty('total_requests');
    expect(counted()[0]).toBe(0);
  });

  it('ends a CONNECT when it is answered', async () => {
    const server = http2.createServer({ settings: { enableConnectProtocol: true } });
    server.on('stream', (stream) => stream.respond({ ':status': 200 }));
    const session = await connectTo(server);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/chat',
    });
    stream.on('error', () => {});
    await new Promise((resolve) => stream.once('response', resolve));
    await expect.poll(counted).toEqual([1, 0]);
    expect(recorder.core.snapshot().inFlightRequests).toEqual([]);
    expect(await lastRow()).toMatchObject({ method: 'CONNECT', status: 200, aborted: false });
  });
});

it.each([
  ['request', ['request']],
  ['request and stream', ['request', 'stream']],
  ['stream of the session as well', ['stream', 'session']],
  ['all three', ['request', 'stream', 'session']],
])('a request that is heard of as %s counts once', async (_, heard) => {
  const server = http2.createServer();
  if (heard.includes('request')) {
    server.on('request', (_request, response) => {
      query();
      response.end('ok');
    });
  }
  if (heard.includes('stream')) {
    server.on('stream', (stream) => {
      query();
      if (!heard.includes('request')) void stream.end('ok');
    });
  }
  if (heard.includes('session')) {
    server.on('session', (session) => session.on('stream', () => query()));
  }
  const { headers } = await ask(await connectTo(server));
  await expect.poll(counted).toEqual([1, heard.length]);
  expect(headers['x-query-count']).toMatch(/^\d$/);
  expect(await lastRow()).toMatchObject({ status: 200, aborted: false });
});

describe('a stream that the client resets', () => {
  const SERVERS: Record<
    string,
    (server: Http2Server, answer: (stream: ServerHttp2Stream) => void) => void
  > = {
    stream: (server, answer) => void server.on('stream', answer),
    request: (server, answer) =>
      void server.on('request', (_request, response) => answer(response.stream)),
  };
  const STATES: Record<string, (stream: ServerHttp2Stream) => void> = {
    'before its head': () => {},
    'within its body': (stream) => {
      stream.respond();
      stream.write('x');
    },
    'while a body is on its way': (stream) => {
      stream.respond();
      stream.end(Buffer.alloc(5_000_000));
    },
  };
  it.each(
    Object.keys(SERVERS).flatMap((api) =>
      Object.keys(STATES).map((state) => [api, state] as const),
    ),
  )('is aborted, by %s, %s', async (api, state) => {
    const server = http2.createServer();
    const seen = new Promise<void>((resolve) => {
      SERVERS[api]?.(server, (stream) => {
        stream.on('error', () => {});
        STATES[state]?.(stream);
        resolve();
      });
    });
    const stream = (await connectTo(server)).request({ ':path': '/x' });
    stream.on('error', () => {});
    await seen;
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await expect.poll(counted).toEqual([1, 0]);
    expect(await lastRow()).toMatchObject({ aborted: true });
    expect(recorder.core.snapshot().inFlightRequests).toEqual([]);
  });
});

it('nothing of ours has failed', () => {
  rmSync(folder, { recursive: true });
  expect(recorder.faultCount).toBe(0);
});
