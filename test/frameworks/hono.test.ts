import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type * as honoModule from 'hono';
import { expect, it, onTestFinished } from 'vitest';

import { performance } from '../../src/frameworks/hono.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { ROOT } from '../support/processes.ts';

it('an application with a copy of Hono that is not ours has routes all the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hyperdjango-hono-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(join(ROOT, 'node_modules/hono'), folder, { recursive: true });
  const { href } = pathToFileURL(join(folder, 'dist/index.js'));
  const { Hono } = (await import(href)) as typeof honoModule;

  const perf = new PerformanceMiddleware({ authorize: () => true });
  const app = new Hono();
  app.use(performance(perf));
  app.get('/users/:id', (c) => c.text('ok'));
  const response = await app.request('/users/7');
  expect([response.status, response.headers.get('X-Query-Count')]).toEqual([200, '0']);
  const data = await app.request('/debug/performance/data');
  const { requests } = (await data.json()) as { requests: { route: string }[] };
  expect(requests.map(({ route }) => route)).toEqual(['/users/:id']);
});
