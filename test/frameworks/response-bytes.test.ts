/**
 * Every form of writing a response's head gives the same bytes with and without `register`, but for
 * our own two headers: random programs on two servers, of which one is observed. `HEADS` says how
 * many, `NODE` with which Node, `SEED` which.
 */
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { type RunningProcess, startNode } from '../support/processes.ts';

const COUNT = Number(process.env['HEADS'] ?? 1_000);
const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

interface Side {
  readonly process: RunningProcess;
  readonly port: number;
  readonly http2: ClientHttp2Session;
}

let plain: Side;
let observed: Side;

async function start(flags: readonly string[]): Promise<Side> {
  const { NODE: execPath = process.execPath } = process.env;
  const started = startNode([...flags, 'test/fixtures/heads/server.mjs'], {
    execPath,
    env: { HYPERDJANGO_QUIET: '1', NODE_NO_WARNINGS: '1' },
  });
  const [port, http2Port] = JSON.parse((await started.nextLine()) ?? '[]') as [number, number];
  return { process: started, port, http2: connectHttp2(`http://127.0.0.1:${http2Port}`) };
}

beforeAll(async () => {
  plain = await start([]);
  observed = await start(['--import', './dist/register.js']);
});

afterAll(() => {
  for (const { process: started, http2 } of [plain, observed]) {
    http2.destroy();
    started.child.kill();
  }
});

const name = fc.constantFrom(
  'X-A',
  'x-a',
  'x-b',
  'Content-Type',
  'content-type',
  'Set-Cookie',
  'set-cookie',
  'Server-Timing',
  'vary',
  'ETag',
  'Link',
  'X-Powered-By',
  'bad name',
  '',
  '1',
);
const value = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('a', 'b, c', 'text/plain', '', 'ä', '</x>; rel=preload'),
  },
  { weight: 2, arbitrary: fc.array(fc.constantFrom('a', 'b=2'), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(7, true, null, 'line\nbreak', '\u{1F600}') },
);
const entries = fc.array(fc.tuple(name, value), { maxLength: 5 });
const given = fc.oneof(
  entries.map((pairs) => ({ $object: pairs })),
  entries.map((pairs) => ({ $bare: pairs })),
  entries.map((pairs) => ({ $frozen: pairs })),
  entries.map((pairs) => pairs.flat(1)),
  entries,
  entries.map((pairs) => [...pairs.flat(1), 'x-odd']),
  fc.constant(null),
);
const status = fc.constantFrom(200, 201, 204, 301, 304, 404, 500, 99, 1_000, '202');
const call = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('setHeader'), name, value) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('appendHeader'), name, value) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('removeHeader'), name) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant('setHeaders'),
      entries.map((pairs) => ({ $map: pairs })),
    ),
  },
  { weight: 5, arbitrary: fc.tuple(fc.constant('writeHead'), status, given) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant('writeHead'), status, fc.constantFrom('Fine', 'b\nad'), given),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('writeHead'), status) },
  { weight: 1, arbitrary: fc.constant(['flushHeaders']) },
  { weight: 1, arbitrary: fc.constant(['write', 'part']) },
  {
    weight: 1,
    arbitrary: fc.constant(['writeEarlyHints', { $object: [['link', '</a>; rel=preload']] }]),
  },
  { weight: 1, arbitrary: fc.constant(['addTrailers', { $object: [['x-trailer', 'end']] }]) },
);
const program = fc.array(call, { maxLength: 7 });

/** Ours, where they stand in the bytes of HTTP/1. */
const OURS = /^X-Query-(?:Count|Time): [^\r]*\r\n/gm;

function bytesOf(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let bytes = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Program: ${text}\r\n\r\n`);
    });
    socket.setEncoding('latin1').on('data', (chunk: string) => (bytes += chunk));
    socket.on('error', reject).on('end', () => resolve(bytes));
  });
}

async function framesOf(session: ClientHttp2Session, text: string): Promise<unknown[]> {
  const frames: unknown[] = [];
  const stream = session.request({ ':path': '/', 'x-program': text });
  for (const event of ['headers', 'response', 'trailers']) {
    stream.on(event, (headers: object) => {
      const own = Object.entries(headers).filter(([key]) => !key.startsWith('x-query-'));
      frames.push([event, own]);
    });
  }
  let body = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  stream.on('error', (error: Error) => frames.push(error.message));
  await new Promise((resolve) => stream.once('close', resolve));
  return [...frames, body];
}

it(`gives the same bytes, ${COUNT} heads from seed ${SEED}`, { timeout: 3_600_000 }, async () => {
  let headCount = 0;
  await fc.assert(
    fc.asyncProperty(program, async (calls) => {
      const text = Buffer.from(JSON.stringify(calls)).toString('base64url');
      const [expected, got] = await Promise.all([
        bytesOf(plain.port, text),
        bytesOf(observed.port, text),
      ]);
      headCount += OURS.test(got) ? 1 : 0;
      OURS.lastIndex = 0;
      expect(got.replaceAll(OURS, '')).toBe(expected);
      expect(await framesOf(observed.http2, text)).toEqual(await framesOf(plain.http2, text));
    }),
    { numRuns: COUNT / 2, seed: SEED },
  );
  // Or else the two would have been alike because neither was observed.
  expect(headCount).toBeGreaterThan(COUNT / 4);
});
