import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { createShop } from '../../src/cli/demo/app.ts';
import { openShop, prepareShop } from '../../src/cli/demo/shop-database.ts';
import type { StatsJson } from '../../src/dashboard/data.ts';
import type { Database, ListeningApp } from '../../src/index.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { findAccessibilityProblems, openBrowser, type TestBrowser } from '../support/browser.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/processes.ts';
import { type Misdeeds, takeScreenshot, watchMisdeeds } from './support.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

const DASHBOARD = '/debug/performance';
const PATHS = ['/', '/products', '/products/top-rated', '/categories', '/orders', '/products/1'];

let testDatabase: TestDatabase;
let database: Database;
let shop: ListeningApp;
let browser: TestBrowser;
let page: Page;
let misdeeds: Misdeeds;
let json: StatsJson;

beforeAll(async () => {
  testDatabase = await createDatabase();
  await prepareShop(testDatabase.url);
  database = openShop(testDatabase.url, 5);
  const performance = new PerformanceMiddleware({ slowQueryThresholdMs: 50, appName: 'shop' });
  shop = await createShop({ database, performance }).listen({ port: 0 });
  for (const path of [...PATHS, ...PATHS, '/nowhere']) {
    await (await fetch(shop.url + path)).arrayBuffer();
  }
  await until('13 requests', () => performance.getStats().totalRequests === 13);
  json = (await (await fetch(`${shop.url}${DASHBOARD}/json`)).json()) as StatsJson;
  browser = await openBrowser();
  page = await browser.page({ viewport: { width: 1280, height: 900 } });
  misdeeds = await watchMisdeeds(page, shop.url);
  await page.goto(shop.url + DASHBOARD);
  await page.waitForSelector('.tiles');
});

afterAll(async () => {
  await browser.close();
  await shop.close();
  await database.close();
  await testDatabase.drop();
});

test('the page of a real shop shows the figures of its JSON', async () => {
  expect(json.slow_query_count).toBeGreaterThan(0);
  expect(json.n_plus_one_count).toBeGreaterThan(0);
  const shown = async (name: keyof StatsJson): Promise<number> =>
    Number(
      (await page.locator(`[data-metric=${name}] .tile-value`).innerText()).replaceAll(',', ''),
    );
  for (const name of [
    'total_requests',
    'total_queries',
    'slow_query_count',
    'n_plus_one_count',
  ] as const) {
    expect([name, await shown(name)]).toEqual([name, json[name]]);
  }
  expect(await shown('avg_queries_per_request')).toBeCloseTo(json.avg_queries_per_request, 0);
});

test('it shows the very statements that were slow or an N+1, and the pool', async () => {
  const text = (await page.locator('body').innerText()).replaceAll(/\s+/g, ' ');
  for (const sql of json.recent_n_plus_one) expect(text).toContain(sql);
  for (const { sql } of json.recent_slow_queries) expect(text).toContain(sql);
  expect(text).toContain(`127.0.0.1:${new URL(testDatabase.url).port}/${testDatabase.name}`);
});

test('it says where in the shop they come from, and what to write instead', async () => {
  const sites = await page.locator('#n-plus-one .call-site').allInnerTexts();
  expect(sites.length).toBeGreaterThan(0);
  for (const site of sites)
    expect(site).toMatch(/^from (?:\w+ \()?src\/cli\/demo\/app\.ts:\d+\)?$/);
  await page.locator('#n-plus-one summary').first().click();
  expect(await page.locator('.batched[open] .sql-text').innerText()).toContain('= ANY($1)');
});

test('it is accessible, asks nobody else for anything, and breaks nothing', async () => {
  expect(await findAccessibilityProblems(page)).toEqual([]);
  expect(misdeeds.list).toEqual([]);
  expect((await takeScreenshot(page, 'shop')).byteLength).toBeGreaterThan(20_000);
});
