import { once } from 'node:events';
import { createServer, request, type Server, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { performance } from '../../src/frameworks/node.ts';
import { profileHandler } from '../../src/profiling/index.ts';

let server: Server;
let port: number;
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  const observe = performance();
  server = createServer((incoming, response) => {
    observe(incoming, response, () => profileHandler(() => answer(response))());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});

afterAll(() => server.close());

/** The values of each header, in the order in which they came. */
async function headersOf(write: (response: ServerResponse) => void): Promise<{
  status: string;
  headers: Record<string, string[] | undefined>;
}> {
  answer = write;
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1' }, (response) => {
      response.resume();
      response.on('end', () =>
        resolve({
          status: `${response.statusCode} ${response.statusMessage}`,
          headers: response.headersDistinct,
        }),
      );
    })
      .on('error', reject)
      .end();
  });
}

const given = { 'X-Own': 'own', 'x-query-count': 'of another', 'server-timing': 'app;dur=1' };

const shapes: [string, (response: ServerResponse) => void][] = [
  ['an object', (response) => response.writeHead(201, given)],
  ['an object after a text', (response) => response.writeHead(201, 'Created', given)],
  ['a list', (response) => response.writeHead(201, Object.entries(given).flat())],
  [
    'an object after headers that were set',
    (response) => {
      response.setHeader('X-Earlier', 'earlier').writeHead(201, given);
    },
  ],
  ['a list of pairs', (response) => response.writeHead(201, Object.entries(given) as never)],
  [
    'nothing',
    (response) => {
      for (const [name, value] of Object.entries(given)) response.setHeader(name, value);
      response.writeHead(201);
    },
  ],
  [
    'no call',
    (response) => {
      for (const [name, value] of Object.entries(given)) response.setHeader(name, value);
      response.statusCode = 201;
    },
  ],
  [
    'a flush',
    (response) => {
      for (const [name, value] of Object.entries(given)) response.setHeader(name, value);
      response.statusCode = 201;
      response.flushHeaders();
    },
  ],
];

it.each(shapes)('headers join those of a head that is written by %s', async (_, write) => {
  const { status, headers } = await headersOf((response) => {
    write(response);
    response.end();
  });
  expect(status).toBe('201 Created');
  expect(headers['x-own']).toEqual(['own']);
  expect(headers['x-query-count']).toEqual(['0']);
  expect(headers['x-query-time']).toEqual(['0.0ms']);
  expect(headers['x-profile']).toHaveLength(1);
  const timings = headers['server-timing']?.join(', ').split(', ') ?? [];
  expect(timings.map((timing) => timing.split(';')[0])).toEqual([
    'app',
    'total',
    'handler',
    'db',
    'pool',
  ]);
});

it('leaves the objects of the application as they are', async () => {
  const shared = Object.freeze({ 'X-Own': 'own' });
  const list = Object.freeze(['X-Own', 'own']);
  for (const own of [shared, list]) {
    const { headers } = await headersOf((response) => response.writeHead(200, own as never).end());
    expect(headers['x-own']).toEqual(['own']);
  }
});

it('throws what Node throws, at the same place', async () => {
  const errors: unknown[] = [];
  const codeOf = (write: () => void): void => {
    try {
      write();
    } catch (error) {
      errors.push((error as NodeJS.ErrnoException).code);
    }
  };
  const { status } = await headersOf((response) => {
    codeOf(() => response.writeHead(99));
    codeOf(() => response.writeHead(200, { 'bad name': 'x' }));
    response.writeHead(202);
    codeOf(() => response.writeHead(203));
    response.end();
  });
  expect(errors).toEqual([
    'ERR_HTTP_INVALID_STATUS_CODE',
    'ERR_INVALID_HTTP_TOKEN',
    'ERR_HTTP_HEADERS_SENT',
  ]);
  expect(status).toMatch(/^202 /);
});

it('are joined to what HTTP/2 is given too', async () => {
  const observe = performance();
  const http2 = createHttp2Server((incoming, response) => {
    observe(incoming as never, response as never, () => {
      response.setHeader('x-own', 'earlier');
      response.writeHead(201, { ...given, 'Set-Cookie': ['a=1', 'b=2'] }).end();
    });
  });
  await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
  const client = connect(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`);
  const [headers] = (await once(client.request({ ':path': '/' }), 'response')) as [object];
  client.destroy();
  await new Promise((resolve) => http2.close(resolve));
  expect(headers).toMatchObject({
    ':status': 201,
    'x-own': 'own',
    'set-cookie': ['a=1', 'b=2'],
    'x-query-count': '0',
    'server-timing': 'app;dur=1',
  });
});
