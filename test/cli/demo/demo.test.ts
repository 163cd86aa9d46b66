import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { SHOP_SCHEMA } from '../../../src/cli/demo/schema.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { ROOT, type RunningProcess, startNode } from '../../support/processes.ts';

const MAIN = join(ROOT, 'dist/cli/main.js');

/** Where the demo's embedded server lives; empty again when all of it has gone. */
let temporary: string;

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'hd-demo-'));
  await chmod(temporary, 0o711);
});

afterEach(async () => {
  await rm(temporary, { recursive: true, force: true });
});

function startDemo(args: readonly string[], env: Record<string, string> = {}): RunningProcess {
  const run = startNode([MAIN, 'demo', ...args], { env: { TMPDIR: temporary, ...env } });
  onTestFinished(() => void run.child.kill('SIGKILL'));
  return run;
}

async function newDatabase(): Promise<TestDatabase> {
  const database = await createDatabase();
  onTestFinished(async () => database.drop());
  return database;
}

describe('hyperdjango demo', () => {
  it('prints with --json one line, in which the problems of the shop are found', async () => {
    const { code, stdout, stderr } = await startDemo(['--seconds', '3', '--json']).finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Starting PostgreSQL …\n' });
    expect(stdout).toMatch(/^\{.*\}\n$/);
    const result = JSON.parse(stdout) as {
      url: string;
      headers: Record<string, string>;
      stats: Record<string, number> & {
        recent_slow_queries: { sql: string; duration_ms: number }[];
        recent_n_plus_one: string[];
      };
    };
    expect(result.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(result.headers).toMatchObject({
      'content-type': 'application/json',
      'x-query-count': '1',
      'x-query-time': expect.stringMatching(/^\d+\.\dms$/),
    });

    const { stats } = result;
    expect(stats['total_requests']).toBeGreaterThan(10);
    expect(stats['avg_queries_per_request']).toBe(
      (stats['total_queries'] ?? 0) / (stats['total_requests'] ?? 0),
    );
    expect(stats['slow_query_count']).toBeGreaterThan(0);
    expect(stats.recent_slow_queries.map(({ sql }) => sql)).toContain(
      'SELECT p.id, p.name, (SELECT avg(r.rating) FROM reviews AS r WHERE r.product_id = p.id) AS rating ' +
        'FROM products AS p ORDER BY rating DESC NULLS LAST, p.id LIMIT $1',
    );
    expect(stats['n_plus_one_count']).toBeGreaterThanOrEqual(2);
    expect(stats.recent_n_plus_one).toEqual(
      expect.arrayContaining([
        'SELECT order_id, product_id, quantity, price_cents FROM order_items WHERE order_id = $1',
        'SELECT count(*)::int AS products FROM products WHERE category_id = $1',
      ]),
    );
    expect(await readdir(temporary)).toEqual([]);
  });

  it('says first where the dashboard is, and stops everything at Ctrl-C', async () => {
    const run = startDemo([]);
    const [, dashboardUrl] = /^Dashboard {2}(http:\S+)$/.exec((await run.nextLine()) ?? '') ?? [];
    const page = await fetch(`${dashboardUrl}`);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    await page.text();
    run.child.kill('SIGINT');
    const { code, stdout } = await run.finished;
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
      /^\d+ requests, \d+ queries \(\d+\.\d a request\), \d+ slow queries, \d+ N\+1$/,
    );
    expect(stdout).not.toContain('\u001B');
    expect(await readdir(temporary)).toEqual([]);
  });

  it('stops everything where its port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void squatter.close());
    await new Promise((resolve) => squatter.once('listening', resolve));
    const { port } = squatter.address() as AddressInfo;
    const { code, stdout, stderr } = await startDemo(['--port', String(port)]).finished;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Starting PostgreSQL …\nhyperdjango demo: .*EADDRINUSE.*\n$/);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('runs in a schema of its own where DATABASE_URL is set, and removes it', async () => {
    const database = await newDatabase();
    const env = { DATABASE_URL: database.url };
    const run = startDemo(['--seconds', '1', '--json'], env);
    const { code, stdout, stderr } = await run.finished;
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        'Created the schema hyperdjango_demo in the database of DATABASE_URL; it goes at the end\n',
    });
    expect(JSON.parse(stdout)).toMatchObject({ stats: { unscoped_queries: 0 } });
    expect(await database.query('SELECT to_regnamespace($1) AS schema', [SHOP_SCHEMA])).toEqual([
      { schema: null },
    ]);
  });
});
