import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Hono } from 'hono';
import type * as honoModule from 'hono';
import { describe, expect, it, onTestFinished } from 'vitest';

import { performance } from '../../src/frameworks/hono.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { ROOT } from '../support/processes.ts';

it('an application with a copy of Hono that is not ours has routes all the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hyperdjango-hono-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(join(ROOT, 'node_modules/hono'), folder, { recursive: true });
  const { href } = pathToFileURL(join(folder, 'dist/index.js'));
  const { Hono: OtherHono } = (await import(href)) as typeof honoModule;

  const perf = new PerformanceMiddleware({ authorize: () => true });
  const app = new OtherHono();
  app.use(performance(perf));
  app.get('/users/:id', (c) => c.text('ok'));
  const response = await app.request('/users/7');
  expect([response.status, response.headers.get('X-Query-Count')]).toEqual([200, '0']);
  const data = await app.request('/debug/performance/data');
  const { requests } = (await data.json()) as { requests: { route: string }[] };
  expect(requests.map(({ route }) => route)).toEqual(['/users/:id']);
});

describe("on a runtime's own server, the dashboard", () => {
  const servers = {
    Bun: (address: string) => ({ requestIP: () => ({ address }) }),
    Deno: (hostname: string) => ({ remoteAddr: { transport: 'tcp', hostname, port: 1 } }),
  };

  async function visit(env: object): Promise<number> {
    const app = new Hono();
    app.use(performance());
    const response = await app.fetch(new Request('http://localhost/debug/performance'), env);
    return response.status;
  }

  it.each(Object.entries(servers))('shows itself to local visitors of %s only', async (_, from) => {
    expect([await visit(from('127.0.0.1')), await visit(from('::1'))]).toEqual([200, 200]);
    expect(await visit(from('192.0.2.1'))).toBe(404);
  });

  it('is hidden from a visitor without an address', async () => {
    expect(await visit({ requestIP: () => null })).toBe(404);
    expect(await visit({ remoteAddr: { transport: 'unix' } })).toBe(404);
  });
});
