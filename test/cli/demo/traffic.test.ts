import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { generateTraffic } from '../../../src/cli/demo/traffic.ts';

/** Every request that came, as `GET /path` or `POST /path {body}`. */
let requests: string[];
let server: Server;
let url: string;
let onRequest: () => void;

beforeEach(async () => {
  requests = [];
  onRequest = () => undefined;
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      requests.push(`${request.method} ${request.url} ${body}`.trim());
      onRequest();
      response.writeHead(request.url === '/no-such-page' ? 404 : 200).end('fine');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
});

describe('generateTraffic', () => {
  it('sees every kind of page in its first visits', async () => {
    const report = await generateTraffic({ url, visitCount: 13, thinkTimeMs: 0 });
    const paths = new Set(requests.map((request) => request.replaceAll(/\d+| \{.*/g, '')));
    expect([...paths].sort()).toEqual([
      'GET /categories',
      'GET /customers/',
      'GET /no-such-page',
      'GET /orders',
      'GET /orders/batched',
      'GET /p/',
      'GET /products/',
      'GET /products/top-rated',
      'GET /products?page=',
      'GET /reports/refunds',
      'POST /checkout',
    ]);
    expect(report).toEqual({
      requestCount: requests.length,
      failureCount: 0,
      statusCounts: { 200: requests.length - 1, 404: 1 },
    });
  });

  it('makes the same visits from the same seed, and others from another', async () => {
    const visitsOf = async (seed: number): Promise<string[]> => {
      requests = [];
      await generateTraffic({ url, seed, visitors: 1, visitCount: 60, thinkTimeMs: 0 });
      return requests.toSorted();
    };
    const first = await visitsOf(7);
    expect(await visitsOf(7)).toEqual(first);
    expect(await visitsOf(8)).not.toEqual(first);
  });

  it('ends at the signal, when the requests under way are answered', async () => {
    const end = new AbortController();
    onRequest = () => {
      if (requests.length === 30) end.abort();
    };
    const { requestCount, failureCount } = await generateTraffic({ url, signal: end.signal });
    expect(requestCount).toBe(requests.length);
    expect(requestCount).toBeGreaterThanOrEqual(30);
    expect(failureCount).toBe(0);
  });

  it('counts requests that nobody answers', async () => {
    const nobody = 'http://127.0.0.1:1';
    const report = await generateTraffic({ url: nobody, visitCount: 3, thinkTimeMs: 0 });
    expect(report).toEqual({ requestCount: 3, failureCount: 3, statusCounts: {} });
  });
});
