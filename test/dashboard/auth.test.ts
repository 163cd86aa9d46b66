import { describe, expect, test, vi } from 'vitest';

import type { Authorize, ClientSocket } from '../../src/dashboard/auth.ts';
import { createDashboardHandler } from '../../src/dashboard/handler.ts';
import type { DashboardHandlerOptions } from '../../src/dashboard/handler.ts';
import { createEmptyData, createSource } from './support/sample-data.ts';

const LOOPBACK: ClientSocket = { remoteAddress: '127.0.0.1' };
const REMOTE: ClientSocket = { remoteAddress: '203.0.113.7' };

interface Client {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly socket?: ClientSocket;
}

function createHandler(options: Partial<DashboardHandlerOptions> = {}) {
  const warnings: string[] = [];
  const handler = createDashboardHandler({
    path: '/debug/performance',
    source: createSource(createEmptyData()),
    isDevelopment: true,
    warn: (message) => warnings.push(message),
    ...options,
  });

  async function getStatus(client: Client = {}): Promise<number | undefined> {
    const url = client.url ?? 'http://localhost:3000/debug/performance/json';
    const request = new Request(url, {
      method: client.method ?? 'GET',
      headers: { host: new URL(url).host, ...client.headers },
    });
    const socket = 'socket' in client ? client.socket : LOOPBACK;
    return (await handler.handle(request, socket))?.status;
  }

  return { handler, getStatus, warnings };
}

describe('in development, without authorize', () => {
  test.each([
    '127.0.0.1',
    '127.0.0.2',
    '127.255.255.254',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
  ])('a client at %s is on this machine', async (remoteAddress) => {
    const { getStatus } = createHandler();
    expect(await getStatus({ socket: { remoteAddress } })).toBe(200);
  });

  test.each([
    '192.168.1.20',
    '10.0.0.1',
    '203.0.113.7',
    '128.0.0.1',
    '0.0.0.0',
    '::',
    '::ffff:10.0.0.1',
    '2001:db8::1',
    'fe80::1%eth0',
    'localhost',
    '127.0.0.1.evil.example',
    '',
  ])('a client at "%s" is not', async (remoteAddress) => {
    const { getStatus } = createHandler();
    expect(await getStatus({ socket: { remoteAddress } })).toBe(404);
  });

  test('a client on a unix socket, where a proxy may stand, gets 404', async () => {
    const { getStatus } = createHandler();
    expect(await getStatus({ socket: {} })).toBe(404);
    expect(await getStatus({ socket: { remoteAddress: undefined } })).toBe(404);
  });

  test('a request that came over no socket is one of the process itself', async () => {
    const { handler, getStatus } = createHandler();
    expect(await getStatus({ socket: undefined })).toBe(200);

    const withoutHost = new Request('http://localhost/debug/performance/json');
    expect((await handler.handle(withoutHost, undefined))?.status).toBe(200);
  });

  test.each([
    'localhost',
    'localhost:3000',
    'LOCALHOST:3000',
    '127.0.0.1',
    '127.0.0.1:65535',
    '[::1]',
    '[::1]:8080',
  ])('a request addressed to %s is a local one', async (host) => {
    const { getStatus } = createHandler();
    expect(await getStatus({ headers: { host } })).toBe(200);
  });

  test.each([
    'evil.example',
    'evil.example:3000',
    'localhost6',
    'localhost.evil.example',
    'localhost.',
    'evil-localhost',
    '127.0.0.1.nip.io',
    '127.0.0.2',
    '127.1',
    '0.0.0.0:3000',
    '[::1].evil.example',
    '[::ffff:127.0.0.1]',
    'localhost:3000@evil.example',
    'user@localhost',
    'localhost:',
    'localhost:123456',
    'localhost, evil.example',
    '',
  ])('a request addressed to "%s" may come from a rebound name and gets 404', async (host) => {
    const { getStatus } = createHandler();
    expect(await getStatus({ headers: { host } })).toBe(404);
  });

  test('a request target with a host of its own cannot hide behind a local Host', async () => {
    const { getStatus } = createHandler();
    const url = 'http://evil.example/debug/performance/json';
    expect(await getStatus({ url, headers: { host: 'localhost' } })).toBe(404);
  });

  test.each([
    'http://localhost:3000',
    'https://localhost',
    'http://127.0.0.1:5173',
    'http://[::1]:3000',
  ])('the origin %s is a local one', async (origin) => {
    const { getStatus } = createHandler();
    expect(await getStatus({ headers: { origin } })).toBe(200);
  });

  test.each([
    'null',
    'http://evil.example',
    'https://localhost.evil.example',
    'http://localhost6:3000',
    'http://127.0.0.2',
    'file://',
    'chrome-extension://abcdef',
    'http://localhost:3000 http://evil.example',
    '',
  ])('the origin "%s" is not', async (origin) => {
    const { getStatus } = createHandler();
    expect(await getStatus({ headers: { origin } })).toBe(404);
  });

  test.each([
    ['same-origin', 200],
    ['same-site', 200],
    ['none', 200],
    ['cross-site', 404],
  ])('a browser that says Sec-Fetch-Site: %s gets %i', async (site, status) => {
    const { getStatus } = createHandler();
    expect(await getStatus({ headers: { 'sec-fetch-site': site } })).toBe(status);
    const navigation = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate' };
    expect(await getStatus({ headers: navigation })).toBe(status);
  });

  test.each([
    'forwarded',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-server',
    'x-real-ip',
    'x-client-ip',
    'cf-connecting-ip',
    'true-client-ip',
    'cdn-loop',
    'X-Forwarded-For',
  ])('a request with the header %s came through a proxy and gets 404', async (name) => {
    const { getStatus } = createHandler();
    expect(await getStatus({ headers: { [name]: '127.0.0.1' } })).toBe(404);
    expect(await getStatus({ headers: { [name]: '' } })).toBe(404);
    expect(await getStatus({ headers: { [name]: '127.0.0.1' }, socket: undefined })).toBe(404);
  });
});

describe('in production, without authorize', () => {
  test('nobody gets in, not even from this machine', async () => {
    const { getStatus } = createHandler({ isDevelopment: false });
    expect(await getStatus()).toBe(404);
    expect(await getStatus({ socket: undefined })).toBe(404);
    expect(await getStatus({ socket: REMOTE })).toBe(404);
  });

  test('NODE_ENV tells production from development', async () => {
    const before = process.env['NODE_ENV'];
    try {
      for (const [name, status] of [
        ['production', 404],
        ['development', 200],
        ['test', 200],
      ] as const) {
        process.env['NODE_ENV'] = name;
        const { getStatus } = createHandler({ isDevelopment: undefined });
        expect(await getStatus(), name).toBe(status);
      }
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });
});

describe('a refusal', () => {
  const paths = ['', '/', '/json', '/data', '/nothing-here'];

  test('looks the same for every path and method, and says nothing', async () => {
    const { handler } = createHandler({ isDevelopment: false });
    const answers = new Set<string>();
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
        const request = new Request(`http://localhost/debug/performance${path}`, { method });
        const response = await handler.handle(request, LOOPBACK);
        answers.add(
          JSON.stringify([
            response?.status,
            [...(response?.headers ?? [])],
            await response?.text(),
          ]),
        );
      }
    }
    expect(answers.size).toBe(1);
    expect([...answers][0]).toMatch(/^\[404,.*"Not Found\\n"\]$/);
  });

  test('is explained in one line of the log, which names authorize', async () => {
    const { getStatus, warnings, handler } = createHandler();
    for (let i = 0; i < 20; i += 1) await getStatus({ socket: REMOTE });
    await getStatus({ headers: { host: 'evil.example' } });

    expect(warnings).toEqual([
      'hyperdjango: the dashboard at /debug/performance answered 404 because the client is not ' +
        'on this machine. To show it beyond local clients in development, pass the option "authorize".',
    ]);
    expect(handler.counts().refused).toBe(21);
  });

  test('goes to the process warnings where no logger is given', async () => {
    const handler = createDashboardHandler({
      path: '/debug/performance',
      source: createSource(createEmptyData()),
      isDevelopment: false,
    });
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      await handler.handle(new Request('http://localhost/debug/performance'), LOOPBACK);
      expect(emitWarning.mock.calls).toEqual([
        [expect.stringContaining('"authorize"'), { code: 'HYPERDJANGO_DASHBOARD' }],
      ]);
    } finally {
      emitWarning.mockRestore();
    }
  });

  test('stands where the logger itself fails', async () => {
    const { getStatus } = createHandler({
      warn: () => {
        throw new Error('disk full');
      },
    });
    expect(await getStatus({ socket: REMOTE })).toBe(404);
  });
});

describe('with authorize', () => {
  const hasToken: Authorize = (request) => request.headers.get('authorization') === 'Bearer secret';
  const headers = {
    host: 'shop.example',
    authorization: 'Bearer secret',
    'x-forwarded-for': '198.51.100.1',
  };

  test.each([true, false])('it alone decides (development: %s)', async (isDevelopment) => {
    const { getStatus, warnings } = createHandler({ authorize: hasToken, isDevelopment });
    const url = 'https://shop.example/debug/performance/json';

    expect(await getStatus({ url, socket: REMOTE, headers })).toBe(200);
    expect(await getStatus({ url, socket: REMOTE })).toBe(404);
    expect(await getStatus()).toBe(404);
    expect(await getStatus({ socket: undefined })).toBe(404);
    expect(warnings).toEqual([]);
  });

  test('it may take its time', async () => {
    const { getStatus } = createHandler({ authorize: async (request) => hasToken(request) });
    expect(await getStatus({ headers })).toBe(200);
    expect(await getStatus()).toBe(404);
  });

  test.each([undefined, null, 1, 'yes', {}])('only true lets in, not %j', async (answer) => {
    const authorize = (() => answer) as unknown as Authorize;
    expect(await createHandler({ authorize }).getStatus()).toBe(404);
  });

  test.each<[string, Authorize]>([
    [
      'throws',
      () => {
        throw new RangeError('user alice@example.com unknown');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('user alice@example.com unknown'))],
  ])(
    'one that %s refuses, is counted, and is logged once without its message',
    async (_, authorize) => {
      const { getStatus, handler, warnings } = createHandler({ authorize });
      expect(await getStatus()).toBe(404);
      expect(await getStatus()).toBe(404);
      expect(handler.counts()).toEqual({ refused: 2, authorizeFailed: 2, bodyFailed: 0 });
      expect(warnings).toEqual([
        'hyperdjango: "authorize" threw RangeError; the dashboard at /debug/performance stays shut.',
      ]);
    },
  );

  test("another site's page may link to the dashboard but not fetch from it", async () => {
    const { getStatus } = createHandler({ authorize: () => true });
    const fetched = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' };
    const followed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect(await getStatus({ headers: fetched })).toBe(404);
    expect(await getStatus({ headers: followed })).toBe(200);
  });

  test('it is not asked about paths of the application', async () => {
    let askedCount = 0;
    const { handler } = createHandler({
      authorize: () => {
        askedCount += 1;
        return true;
      },
    });
    expect(handler.handle(new Request('http://localhost/users'), LOOPBACK)).toBeUndefined();
    expect(askedCount).toBe(0);
  });
});
