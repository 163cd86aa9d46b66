/** One application on several processes, as its dashboard shows it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

import type { DashboardData, StatsJson } from '../../src/dashboard/data.ts';
import { findAccessibilityProblems, openBrowser, type TestBrowser } from '../support/browser.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { ROOT, runNode, type RunningProcess, startNode, until } from '../support/processes.ts';
import { takeScreenshot, watchMisdeeds } from './support.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const DASHBOARD = '/debug/performance';
const WORKERS = 3;
/** What the application puts into its statements, parameters and addresses. */
const SECRETS = /alice|bob@|carol|key-\d/;
const PATHS = [
  '/customers/12',
  '/customers/2',
  '/all-at-once',
  '/slow',
  '/literals',
  '/fails/bob@example.com',
  '/nowhere/carol@example.com',
];

interface Started {
  readonly url: string;
  readonly pid: number;
}

interface Cluster {
  readonly process: RunningProcess;
  /** Of its segments alone. */
  readonly directory: string;
  readonly url: string;
  readonly pids: readonly number[];
}

let database: TestDatabase;
let browser: TestBrowser;

beforeAll(async () => {
  database = await createDatabase();
  // By one for all: workers that create one table at once get in one another's way.
  await database.query('CREATE TABLE items (id int PRIMARY KEY, mail text)');
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  await database.drop();
});

async function startCluster(engine: string, workers = WORKERS): Promise<Cluster> {
  const directory = mkdtempSync(join(process.env['HYPERDJANGO_DIR'] || tmpdir(), 'cluster-'));
  const running = startNode([`${ROOT}test/fixtures/dashboard/cluster.mjs`, database.url], {
    env: {
      WORKERS: String(workers),
      NODE_ENV: 'development',
      HYPERDJANGO_ENGINE: engine,
      HYPERDJANGO_DIR: directory,
    },
  });
  const started: Started[] = [];
  while (started.length < workers) {
    const line = await running.nextLine();
    if (line === undefined) throw new Error((await running.finished).stderr);
    started.push(JSON.parse(line) as Started);
  }
  return {
    process: running,
    directory,
    url: started[0]?.url ?? '',
    pids: started.map(({ pid }) => pid).toSorted((a, b) => a - b),
  };
}

async function stop({ process, directory }: Cluster): Promise<void> {
  process.child.kill();
  await process.finished;
  rmSync(directory, { recursive: true, force: true });
}

/** Each over a connection of its own, so that the processes take turns. */
async function visit({ url }: Cluster, path: string): Promise<string> {
  return (await fetch(url + path, { headers: { connection: 'close' } })).text();
}

async function bodyOf<T>({ url }: Cluster, path: string): Promise<T> {
  const response = await fetch(url + DASHBOARD + path, { headers: { connection: 'close' } });
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(text).not.toMatch(SECRETS);
  return JSON.parse(text) as T;
}

function sumOf<T>(rows: readonly T[], value: (row: T) => number): number {
  return rows.reduce((sum, row) => sum + value(row), 0);
}

describe('a cluster on the native engine', () => {
  let shop: Cluster;
  let page: Page;

  beforeAll(async () => {
    shop = await startCluster('native');
    for (let round = 0; round < 6; round += 1) for (const path of PATHS) await visit(shop, path);
    await visit(shop, '/thread');
    await until('all requests to be over', async () => {
      return (await bodyOf<StatsJson>(shop, '/json?scope=host')).total_requests === 43;
    });
  });

  afterAll(() => stop(shop));

  afterEach(() => page.context().close());

  async function open(query: string, options: Parameters<TestBrowser['page']>[0]): Promise<void> {
    page = await browser.page(options);
    await page.goto(shop.url + DASHBOARD + query);
    await page.waitForSelector('.tiles');
  }

  const DESKTOP = { viewport: { width: 1280, height: 900 } };

  async function metric(name: keyof StatsJson): Promise<number> {
    const text = await page.locator(`[data-metric=${name}] .tile-value`).innerText();
    return Number(text.replaceAll(',', ''));
  }

  test('shows all processes together, with figures that add up', async () => {
    await open('?scope=host', DESKTOP);
    const host = await bodyOf<DashboardData>(shop, '/data?scope=host');
    const json = await bodyOf<StatsJson>(shop, '/json?scope=host');
    const { threads, stats, statements, ended } = host;

    expect([...new Set(threads.map(({ pid }) => pid))].toSorted((a, b) => a - b)).toEqual(
      shop.pids,
    );
    expect(threads.filter(({ threadId }) => threadId !== 0)).toMatchObject([
      { requestCount: 0, queryCount: 3 },
    ]);
    expect(ended.count).toBe(0);
    const all = stats.totalQueries + stats.unscopedQueries;
    expect(sumOf(threads, ({ requestCount }) => requestCount)).toBe(stats.totalRequests);
    expect(sumOf(threads, ({ queryCount }) => queryCount)).toBe(all);
    expect(sumOf(statements, ({ calls }) => calls)).toBe(all);
    expect(sumOf(host.requests, ({ queryCount }) => queryCount)).toBe(stats.totalQueries);
    expect(sumOf(host.requests, (row) => row.slowCount)).toBe(stats.slowQueryCount);
    expect(sumOf(host.requests, (row) => row.nPlusOneCount)).toBe(stats.nPlusOneCount);
    expect(sumOf(host.nPlusOne, (row) => row.requestCount)).toBe(stats.nPlusOneCount);
    expect(host.slowQueries).toHaveLength(stats.slowQueryCount);
    expect(json).toMatchObject({
      total_requests: stats.totalRequests,
      total_queries: stats.totalQueries,
      // Six sleep; on a busy machine others take as long.
      slow_query_count: stats.slowQueryCount,
      n_plus_one_count: 18,
      unscoped_queries: stats.unscopedQueries,
      processes: { running: WORKERS, ended: 0 },
      notes: [],
    });

    for (const name of [
      'total_requests',
      'total_queries',
      'slow_query_count',
      'n_plus_one_count',
    ] as const) {
      expect([name, await metric(name)]).toEqual([name, json[name]]);
    }
    expect(await page.locator('#threads tbody tr').count()).toBe(WORKERS + 1);
    expect(await page.locator('.answers').count()).toBe(1);
  });

  test('says what `hyperdjango top` says', async () => {
    await open('?scope=host', DESKTOP);
    const { stdout } = await runNode(
      [`${ROOT}dist/cli/main.js`, 'top', '--app', 'cluster-shop', '--json'],
      { env: { HYPERDJANGO_DIR: shop.directory } },
    );
    const top = JSON.parse(stdout) as {
      totals: { requests: number; queries: number; queryErrors: number };
      processes: { overheadNs: number }[];
      statements: { fingerprint: string; calls: number }[];
      pools: { total: number; idle: number; waiting: number; max: number; pools: number }[];
    };
    const host = await bodyOf<DashboardData>(shop, '/data?scope=host');
    expect(top.totals.requests).toBe(host.stats.totalRequests);
    expect(top.totals.queries).toBe(host.stats.totalQueries + host.stats.unscopedQueries);
    expect(top.totals.queryErrors).toBe(sumOf(host.statements, ({ errors }) => errors));
    expect(top.statements.map(({ fingerprint, calls }) => [fingerprint, calls])).toEqual(
      host.statements.map(({ fingerprint, calls }) => [fingerprint, calls]),
    );
    const known = top.processes.filter(({ overheadNs }) => overheadNs > 0);
    expect(host.status.overheadNs).toBeCloseTo(
      sumOf(known, ({ overheadNs }) => overheadNs) / Math.max(known.length, 1),
    );
    const [pool] = host.pools;
    expect(top.pools).toMatchObject([
      { total: pool?.total, idle: pool?.idle, waiting: pool?.waiting, max: pool?.max, pools: 4 },
    ]);
    expect(pool).toMatchObject({ where: '4 pools', active: 0, waiting: 0, max: 3 * 3 + 2 });
  });

  test('the switch is found by keyboard, and the address remembers it', async () => {
    await open('#statements', DESKTOP);
    const own = await metric('total_requests');
    expect(own).toBeLessThan(43);
    const all = page.getByRole('button', { name: 'All processes' });
    await page.getByRole('button', { name: 'This process' }).focus();
    await page.keyboard.press('Tab');
    expect(await all.evaluate((element) => element.matches(':focus-visible'))).toBe(true);
    await page.keyboard.press('Enter');
    await page.locator('[data-metric=total_requests]').getByText('43', { exact: true }).waitFor();
    expect(await all.getAttribute('aria-pressed')).toBe('true');
    expect(await all.evaluate((element) => element.matches(':focus'))).toBe(true);
    expect(new URL(page.url()).search + new URL(page.url()).hash).toBe('?scope=host#statements');

    await page.reload();
    await page.locator('[data-metric=total_requests]').getByText('43', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'This process' }).click();
    await page.locator('.chip').getByText('pid').waitFor();
    expect(new URL(page.url()).search).toBe('');
    expect(await metric('total_requests')).toBeLessThan(43);
  });

  test('tells where findings come from, and of one statement in their place', async () => {
    await open('?scope=host', DESKTOP);
    // The process that answers knows the call sites of the statements that it has run itself.
    const finding = page.locator('#n-plus-one .finding', { hasText: 'SELECT mail FROM items' });
    await finding.getByText(/^from test\/fixtures\/dashboard\/cluster\.mjs:\d+$/).waitFor();
    // A slow statement tells at the next run in that process, which a busy machine may owe it.
    const slow = page.locator('#slow-queries .finding', { hasText: 'pg_sleep' }).first();
    await until('the process that answers to run it again', async () => {
      if ((await slow.locator('.call-site').count()) === 1) return true;
      await visit(shop, '/slow');
      return false;
    });
    expect(await slow.locator('.call-site').innerText()).toMatch(/^from .+cluster\.mjs:\d+$/);
    const rewrite = finding.locator('.batched');
    expect(await rewrite.locator('.sql-text').isVisible()).toBe(false);
    await finding.locator('summary').focus();
    await page.keyboard.press('Enter');
    expect(await rewrite.locator('.sql-text').innerText()).toBe(
      'SELECT mail FROM items WHERE id = ANY($1)',
    );
    expect(await rewrite.locator('p').innerText()).toBe(
      'Give it all the keys in one array, and tell the rows apart by id, which has to be among the columns.',
    );
    // It stays open while the page goes on.
    await page.waitForResponse((response) => response.url().includes('/data'));
    await page.waitForResponse((response) => response.url().includes('/data'));
    expect(await rewrite.locator('.sql-text').isVisible()).toBe(true);
    const isParallel: Record<string, boolean | null> = {};
    await until('all three to have been shown by some process', async () => {
      for (const row of (await bodyOf<DashboardData>(shop, '/data')).nPlusOne) {
        isParallel[row.route ?? ''] = row.isParallel;
      }
      return Object.keys(isParallel).length === 3;
    });
    expect(isParallel).toEqual({
      'GET /customers/:count': false,
      'GET /all-at-once': true,
      'GET /literals': false,
    });
  });

  test('a statement that somebody looks at tells where it comes from at its next run', async () => {
    await open('', DESKTOP);
    const pid = await page.locator('.chip', { hasText: 'pid' }).innerText();
    const row = page.locator('#statements tr', { hasText: 'SELECT $1::int' });
    expect(await row.locator('.call-site').count()).toBe(0);
    await until('the process that is looked at to run it', async () => {
      await visit(shop, '/fails/bob@example.com');
      return (await row.locator('.call-site').count()) === 1;
    });
    expect(await row.locator('.call-site').innerText()).toMatch(/^from .+cluster\.mjs:\d+$/);
    expect(await page.locator('.chip', { hasText: 'pid' }).innerText()).toBe(pid);
  });

  test.each([
    ['host-light', '?scope=host', { ...DESKTOP, colorScheme: 'light' }],
    ['host-dark', '?scope=host', { ...DESKTOP, colorScheme: 'dark' }],
    ['host-360', '?scope=host', { viewport: { width: 360, height: 780 } }],
    ['process-360-dark', '', { viewport: { width: 360, height: 780 }, colorScheme: 'dark' }],
  ] as const)(
    '%s: is accessible, whole, and holds no value of a query',
    async (name, query, options) => {
      page = await browser.page(options);
      const misdeeds = await watchMisdeeds(page, shop.url);
      await page.goto(shop.url + DASHBOARD + query);
      await page.waitForSelector('.tiles');
      await page.evaluate(`document.querySelectorAll('summary').forEach((one) => one.click())`);
      expect((await takeScreenshot(page, name)).byteLength).toBeGreaterThan(20_000);
      expect(await findAccessibilityProblems(page)).toEqual([]);
      const [scrolled, visible] = await page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      );
      expect(scrolled).toBeLessThanOrEqual(visible);
      expect(await page.getByRole('button', { name: 'All processes' }).isVisible()).toBe(true);
      expect(await page.evaluate<string>('document.documentElement.outerHTML')).not.toMatch(
        SECRETS,
      );
      // A refused request of another process is Chromium's own word, and there is none here.
      expect(misdeeds.list).toEqual([]);
    },
  );
});

describe('on the portable engine', () => {
  test('the host’s figures are those of this process, and the page says so', async () => {
    const shop = await startCluster('portable', 2);
    const page = await browser.page({ viewport: { width: 1280, height: 900 } });
    try {
      for (let round = 0; round < 4; round += 1) for (const path of PATHS) await visit(shop, path);
      await page.goto(`${shop.url}${DASHBOARD}?scope=host`);
      await page.locator('.notes').waitFor();
      expect(await page.locator('.notes').innerText()).toMatch(
        /^pid \d+: the portable engine records in private memory: other processes do not see it/,
      );
      expect(await page.locator('#threads tbody tr').count()).toBe(1);
      const json = await bodyOf<StatsJson>(shop, '/json?scope=host');
      expect(json).toMatchObject({ processes: { running: 1, ended: 0 } });
      expect(json.notes).toHaveLength(1);
      expect(json.total_requests).toBeGreaterThan(0);
      expect(json.total_requests).toBeLessThan(28);
      expect(await findAccessibilityProblems(page)).toEqual([]);
      await takeScreenshot(page, 'host-portable');
    } finally {
      await page.context().close();
      await stop(shop);
    }
  });
});
