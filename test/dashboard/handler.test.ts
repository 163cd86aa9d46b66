import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';

import { afterEach, describe, expect, test } from 'vitest';

import type { DashboardSource, StatsScope } from '../../src/dashboard/data.ts';
import { createDashboardHandler } from '../../src/dashboard/handler.ts';
import type { DashboardHandlerOptions } from '../../src/dashboard/handler.ts';
import { serveDashboard } from '../../src/dashboard/node.ts';
import { OptionError } from '../../src/errors/index.ts';
import { createEmptyData, createSource, createStats, toStatsJson } from './support/sample-data.ts';

const PATH = '/debug/performance';

const data = createEmptyData({
  stats: createStats({ totalRequests: 3, totalQueries: 7, avgQueriesPerRequest: 7 / 3 }),
});

function createHandler(options: Partial<DashboardHandlerOptions> = {}) {
  return createDashboardHandler({
    path: PATH,
    source: createSource(data),
    isDevelopment: true,
    warn: () => undefined,
    ...options,
  });
}

function get(path: string, init: RequestInit = {}, handler = createHandler()) {
  return handler.handle(new Request(`http://localhost:3000${path}`, init), {
    remoteAddress: '127.0.0.1',
  });
}

describe('paths', () => {
  test('the page, the figures and the data of the page each have theirs', async () => {
    expect((await get(PATH))?.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect((await get(`${PATH}/`))?.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await (await get(`${PATH}/json`))?.json()).toEqual(toStatsJson(data));
    expect(await (await get(`${PATH}/data`))?.json()).toEqual(data);
  });

  test('the figures have the keys that others read', async () => {
    const body = (await (await get(`${PATH}/json`))?.json()) as object;
    expect(Object.keys(body)).toEqual([
      'total_requests',
      'total_queries',
      'avg_queries_per_request',
      'slow_query_count',
      'n_plus_one_count',
      'recent_slow_queries',
      'recent_n_plus_one',
      'recent_failed_queries',
      'unscoped_queries',
      'late_queries',
      'waiting_for_client',
      'pool_timeout_count',
      'fault_count',
      'ignores',
      'unseen_drivers',
      'without_call_sites',
    ]);
  });

  test.each(['/json', '/data'])('%s takes a scope, and refuses one that is none', async (path) => {
    const scopes: StatsScope[] = [];
    const source: DashboardSource = {
      stats: (scope) => (scopes.push(scope), toStatsJson(data)),
      data: (scope) => (scopes.push(scope), data),
    };
    const handler = createHandler({ source });
    for (const query of ['', '?scope=process', '?scope=host&x=1', '?x=scope']) {
      expect((await get(`${PATH}${path}${query}`, {}, handler))?.status).toBe(200);
    }
    expect(scopes).toEqual(['process', 'process', 'host', 'process']);
    for (const query of ['?scope=', '?scope=Host', '?scope=galaxy']) {
      const response = await get(`${PATH}${path}${query}`, {}, handler);
      expect([response?.status, await response?.text()]).toEqual([
        400,
        'scope: expected "process" or "host"\n',
      ]);
    }
    expect(scopes).toHaveLength(4);
  });

  test('the page is the same with a scope in its address', async () => {
    const page = await (await get(PATH))?.text();
    expect(await (await get(`${PATH}?scope=host`))?.text()).toBe(page);
  });

  test.each([
    '/',
    '/debug',
    '/debug/performances',
    '/debug/performance-2',
    '/DEBUG/PERFORMANCE',
    '/x/debug/performance',
  ])('%s belongs to the application', (path) => {
    expect(createHandler().owns(path)).toBe(false);
    expect(get(path)).toBeUndefined();
  });

  test.each(['/nothing', '/json/', '/json/x', '//json', '/data.json', '/%6Ason'])(
    'there is nothing at %s under it',
    async (path) => {
      expect(createHandler().owns(PATH + path)).toBe(true);
      expect((await get(PATH + path))?.status).toBe(404);
    },
  );
});

describe('methods', () => {
  test.each(['', '/json', '/data'])(
    'HEAD of "%s" has the headers of GET and no body',
    async (path) => {
      const got = await get(PATH + path);
      const head = await get(PATH + path, { method: 'HEAD' });
      expect(head?.status).toBe(200);
      expect([...(head?.headers ?? [])]).toEqual([...(got?.headers ?? [])]);
      expect(await head?.text()).toBe('');
      const body = (await got?.text()) ?? '';
      expect(Number(head?.headers.get('content-length'))).toBe(Buffer.byteLength(body));
    },
  );

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is not allowed', async (method) => {
    const response = await get(`${PATH}/json`, { method });
    expect(response?.status).toBe(405);
    expect(response?.headers.get('allow')).toBe('GET, HEAD');
  });
});

describe('headers', () => {
  test.each(['', '/json', '/data', '/nothing'])(
    '"%s" is not kept, sniffed, framed or shared',
    async (path) => {
      const headers = (await get(PATH + path))?.headers;
      expect(headers?.get('cache-control')).toBe('no-store');
      expect(headers?.get('x-content-type-options')).toBe('nosniff');
      expect(headers?.get('x-frame-options')).toBe('DENY');
      expect(headers?.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers?.get('referrer-policy')).toBe('no-referrer');
      expect(
        [...(headers?.keys() ?? [])].filter((name) => name.startsWith('access-control')),
      ).toEqual([]);
    },
  );

  test('the policy of the page allows its own script and style, by hash, and no other', async () => {
    const response = await get(PATH);
    const html = (await response?.text()) ?? '';
    const policy = response?.headers.get('content-security-policy')?.split('; ');

    expect(policy).toEqual([
      "default-src 'none'",
      `script-src 'sha256-${hashOf(html, 'script')}'`,
      `style-src 'sha256-${hashOf(html, 'style')}'`,
      'img-src data:',
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(html).not.toMatch(/\s(?:src|on\w+)=/);
  });

  test('the page is small and the same for everyone: it holds no data', async () => {
    const { gzipSync } = await import('node:zlib');
    const html = (await (await get(PATH))?.text()) ?? '';
    const other = createHandler({ source: createSource(createEmptyData({ app: 'another' })) });
    expect(await (await get(PATH, {}, other))?.text()).toBe(html);
    expect(gzipSync(html).length).toBeLessThan(46_000);
  });
});

describe('faults', () => {
  test('a source that fails is answered by 500, counted, and logged once without its message', async () => {
    const source: DashboardSource = {
      stats: () => {
        throw new TypeError('secret');
      },
      data: () => {
        throw new TypeError('secret');
      },
    };
    const warnings: string[] = [];
    const handler = createHandler({ source, warn: (message) => warnings.push(message) });

    const response = await get(`${PATH}/json`, {}, handler);
    expect(response?.status).toBe(500);
    expect(await response?.text()).toBe('Internal Server Error\n');
    expect((await get(`${PATH}/data`, {}, handler))?.status).toBe(500);
    expect((await get(PATH, {}, handler))?.status).toBe(200);
    expect(handler.counts()).toEqual({ refused: 0, authorizeFailed: 0, bodyFailed: 2 });
    expect(warnings).toEqual([
      'hyperdjango: the dashboard at /debug/performance failed with TypeError.',
    ]);
  });
});

describe('options', () => {
  test.each(['', '/', 'debug', '/debug/', '/a?b', '/a#b', '/a b', '/a/../b', '//a', '/dé'])(
    'the path %j is refused at once',
    (path) => {
      const create = (): unknown => createHandler({ path });
      expect(create).toThrow(OptionError);
      expect(create).toThrow(
        /^dashboardPath: expected a path that begins with "\/" and does not end with it, .* got /,
      );
    },
  );

  test('an authorize that is no function is refused at once', () => {
    expect(() => createHandler({ authorize: true as never })).toThrow(
      new OptionError('authorize', 'a function', 'true'),
    );
    expect(() => createHandler({ path: 7 as never })).toThrow(/^dashboardPath: .* got 7$/);
  });
});

describe('on node:http', () => {
  let server: Server | undefined;

  afterEach(async () => {
    const closed = server;
    server = undefined;
    if (closed !== undefined) await new Promise((resolve) => closed.close(resolve));
  });

  async function listen(): Promise<number> {
    const handler = createHandler();
    const started = createServer((incoming, outgoing) => {
      if (!serveDashboard(handler, incoming, outgoing)) outgoing.end('application');
    });
    server = started;
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    return (started.address() as AddressInfo).port;
  }

  /** Whole answer to bytes as no HTTP client would send them. */
  function exchange(port: number, ...lines: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      connect(port, '127.0.0.1')
        .setEncoding('utf8')
        .on('data', (chunk) => (answer += String(chunk)))
        .on('end', () => resolve(answer))
        .on('error', reject)
        .write(`${lines.join('\r\n')}\r\n\r\n`);
    });
  }

  test('it answers its own paths and leaves the others', async () => {
    const url = `http://127.0.0.1:${await listen()}`;
    expect(await (await fetch(`${url}${PATH}/json`)).json()).toEqual(toStatsJson(data));
    expect(await (await fetch(`${url}/users`)).text()).toBe('application');
    expect((await fetch(`${url}${PATH}`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${url}${PATH}`, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  test.each([
    ['another host', ['GET /debug/performance/json HTTP/1.1', 'Host: evil.example']],
    [
      'two hosts',
      ['GET /debug/performance/json HTTP/1.1', 'Host: localhost', 'Host: evil.example'],
    ],
    ['no host', ['GET /debug/performance/json HTTP/1.0']],
    [
      'an absolute target',
      ['GET http://evil.example/debug/performance/json HTTP/1.1', 'Host: localhost'],
    ],
    ['a host with a path', ['GET /debug/performance/json HTTP/1.1', 'Host: localhost/debug']],
    [
      'a proxy',
      ['GET /debug/performance/json HTTP/1.1', 'Host: localhost', 'X-Real-IP: 127.0.0.1'],
    ],
    ['an unknown method', ['TRACE /debug/performance/json HTTP/1.1', 'Host: localhost']],
  ])('a request with %s gets 404', async (_, lines) => {
    const answer = await exchange(await listen(), ...lines, 'Connection: close');
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).not.toContain('total_requests');
  });

  test('a local request that is written by hand gets its answer', async () => {
    const port = await listen();
    const answer = await exchange(
      port,
      `GET ${PATH}/json HTTP/1.1`,
      'Host: LocalHost',
      'Connection: close',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain('"total_requests":3');
  });

  test('a target that names a host without a scheme is a path of the application', async () => {
    const answer = await exchange(
      await listen(),
      `GET //evil.example${PATH}/json HTTP/1.1`,
      'Host: localhost',
      'Connection: close',
    );
    expect(answer).toContain('application');
  });
});

function hashOf(html: string, element: string): string {
  const content = new RegExp(`<${element}[^>]*>([\\s\\S]*)</${element}>`).exec(html)?.[1] ?? '';
  return createHash('sha256').update(content).digest('base64');
}
