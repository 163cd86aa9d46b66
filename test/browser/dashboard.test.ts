import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import type { DashboardData, StatsJson } from '../../src/dashboard/data.ts';
import { createHostileData } from '../dashboard/support/hostile-data.ts';
import { HOSTILE_TEXTS } from '../dashboard/support/hostile-texts.ts';
import { createEmptyData, createStats } from '../dashboard/support/sample-data.ts';
import { createHostData, createShopData } from '../dashboard/support/sample-shop.ts';
import { findAccessibilityProblems, openBrowser } from '../support/browser.ts';
import type { TestBrowser } from '../support/browser.ts';
import { startDashboard, takeScreenshot, watchMisdeeds } from './support.ts';
import type { DashboardServer, Misdeeds } from './support.ts';

const DESKTOP = { viewport: { width: 1280, height: 900 } };
const NARROW = { viewport: { width: 360, height: 780 } };
const PHONE = { viewport: { width: 380, height: 800 } };

// A browser that shares its machine is slow at times, and that is no failure.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

let browser: TestBrowser;
let server: DashboardServer;
let page: Page;
let misdeeds: Misdeeds;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(() => browser.close());

beforeEach(async () => {
  server = await startDashboard(createEmptyData());
});

afterEach(async () => {
  await page.context().close();
  await server.close();
});

async function open(data: DashboardData, options: BrowserContextOptions = DESKTOP): Promise<void> {
  server.show(data);
  page = await browser.page(options);
  misdeeds = await watchMisdeeds(page, new URL(server.url).origin);
  await page.clock.install();
  await page.goto(server.url);
  await page.waitForSelector('.tiles');
}

function metric(name: keyof StatsJson): Promise<string> {
  return page.locator(`[data-metric=${name}] .tile-value`).innerText();
}

function textsOf(selector: string): Promise<string[]> {
  return page.locator(selector).allInnerTexts();
}

function styleOf(selector: string, property: string): Promise<string> {
  return page.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`);
}

/** At once, as the buttons change their names by it. */
function clickAll(selector: string): Promise<unknown> {
  return page.evaluate(`document.querySelectorAll('${selector}').forEach((one) => one.click())`);
}

async function expectNoOverflow(): Promise<void> {
  const [scrolled, visible] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  );
  expect(scrolled).toBeLessThanOrEqual(visible);
}

describe('what the page shows', () => {
  test('its five figures are those of the JSON endpoint', async () => {
    await open(createShopData());
    const json = (await (await fetch(`${server.url}/json`)).json()) as StatsJson;
    const shown = async (name: keyof StatsJson): Promise<number> =>
      Number((await metric(name)).replaceAll(',', ''));

    expect(await shown('total_requests')).toBe(json.total_requests);
    expect(await shown('total_queries')).toBe(json.total_queries);
    expect(await shown('slow_query_count')).toBe(json.slow_query_count);
    expect(await shown('n_plus_one_count')).toBe(json.n_plus_one_count);
    expect(await shown('avg_queries_per_request')).toBeCloseTo(json.avg_queries_per_request, 1);
    expect(json.total_requests).toBe(15_432);
    expect(misdeeds.list).toEqual([]);
  });

  test('slow queries stand by duration, N+1 patterns with their counts', async () => {
    const data = createShopData();
    await open(data);

    expect(await textsOf('#slow-queries .finding-figure')).toEqual([
      '1.84 s',
      '343 ms',
      '231 ms',
      '214 ms',
      '201 ms',
      '188 ms',
    ]);
    await page.getByRole('button', { name: 'Show 3 more' }).first().click();
    expect(await page.locator('#slow-queries .finding').count()).toBe(data.slowQueries.length);
    expect(await textsOf('#n-plus-one .finding-figure')).toEqual(['51 ×', '7 ×']);
    expect(await textsOf('#n-plus-one .finding-body > .sql .sql-text')).toEqual([
      data.nPlusOne[0]?.sql,
      data.nPlusOne[1]?.sql,
    ]);
    expect((await textsOf('#n-plus-one .finding-details'))[0]?.split('\n')).toEqual([
      'GET /orders',
      'in a request, at most',
      '3 requests',
      '56.8 ms in all',
      'one after another',
      'with other values each time',
      'now',
      'model Product',
      'from listOrders (src/orders.ts:12)',
    ]);
  });

  test('requests, statements, pools and the state of the recorder have their place', async () => {
    await open(createShopData());
    expect(await textsOf('#requests tbody tr:nth-child(7) td')).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d$/),
      'GET /orders',
      '200',
      '21.3 ms',
      '49',
      '16.2 ms',
      '◆ 1 N+1',
    ]);
    expect(await textsOf('#statements tbody tr:nth-child(2) td')).toEqual([
      expect.stringMatching(
        /^SELECT "products"\."id"[\s\S]*from listOrders \(src\/orders\.ts:12\)\s*and 2 more places$/,
      ),
      '7.74 s',
      '18,432',
      '0.42 ms',
      '0.36 ms',
      '0.88 ms',
      '1.43 ms',
      '3.61 ms',
      '18,432',
      '369 ms',
      '0',
    ]);
    expect((await textsOf('.pool'))[0]?.split(/\s+/)).toEqual(
      (
        'shop 4 waiting Active 10 Idle 0 Total 10 Max 10 ' +
        'Wait for a client 89,204 ×, mean 0.46 ms, max 812 ms, 3 got none ' +
        'Connect 10 ×, mean 9.20 ms, max 14.2 ms ' +
        'Client held 311 ×, mean 15.7 ms, max 96.0 ms'
      ).split(' '),
    );
    // It does not tell its times, and no word is said of them.
    expect((await textsOf('.pool'))[1]?.split(/\s+/)).toEqual(
      'reports none waiting Active 1 Idle 2 Total 3 Max 5'.split(' '),
    );
    expect(await page.locator('.bottom').innerText()).toMatch(
      /native, the prebuilt addon was loaded[\s\S]*640 ns a query, 0.17 % of its time[\s\S]*nothing/,
    );
    expect(await page.title()).toBe('shop · performance');
  });

  test('a finding proposes one statement instead, and promises no more than it knows', async () => {
    await open(createShopData());
    const [first, second] = await page.locator('#n-plus-one .finding').all();
    expect(await second?.locator('details').count()).toBe(0);
    expect(await second?.innerText()).toContain('at the same time');
    expect(await second?.innerText()).toContain('with the same values each time');
    expect(await second?.innerText()).toContain('its result can be kept');
    expect(await first?.innerText()).not.toContain('its result can be kept');
    expect(await second?.innerText()).toContain('call site not known');
    await first?.locator('summary').click();
    expect(await first?.locator('.batched .sql-text').innerText()).toContain('= ANY($1)');
    // 56.76 ms in 3 requests, but for one of 132 runs each time.
    expect(await first?.locator('.batched p').innerText()).toBe(
      'Give it all the keys in one array. ' +
        'If it takes as long as one of the runs, that saves 18.5 ms a request.',
    );
  });

  test('a finding says whether the values come again, and proposes to keep what was read', async () => {
    const data = createShopData();
    const [row] = data.nPlusOne;
    if (row === undefined) throw new Error('the shop has no finding');
    const insert = 'INSERT INTO visits (page) VALUES ($1)';
    const batched = { sql: `${insert}, …`, advice: 'Give it all the rows at once.' };
    await open({
      ...data,
      nPlusOne: [
        { ...row, comparedCount: 60, differingCount: 0 },
        { ...row, sql: insert, batched, comparedCount: 60, differingCount: 0 },
        { ...row, sql: 'SELECT 1', comparedCount: 60, differingCount: 20 },
        { ...row, sql: 'SELECT 2', comparedCount: 0, differingCount: 0 },
      ],
    });
    const texts = await Promise.all(
      (await page.locator('#n-plus-one .finding').all()).map((finding) => finding.innerText()),
    );
    const says = (text: string): boolean[] => texts.map((finding) => finding.includes(text));
    expect(says('with the same values each time')).toEqual([true, true, false, false]);
    const some = says('with the same values again in 40 of 60 runs compared');
    expect(some).toEqual([false, false, true, false]);
    expect(says('with ')).toEqual([true, true, true, false]);
    expect(says('its result can be kept')).toEqual([true, false, false, false]);
    expect(says('One statement instead')).toEqual([false, true, true, true]);
  });

  test('all processes together have a row each, and those that ended are not forgotten', async () => {
    server.show(createShopData(), createHostData());
    page = await browser.page(DESKTOP);
    misdeeds = await watchMisdeeds(page, new URL(server.url).origin);
    await page.goto(`${server.url}?scope=host`);
    await page.waitForSelector('.tiles');
    expect(await page.locator('#threads .panel-head').innerText()).toMatch(/^Processes\s+4\s/);
    expect(
      (await textsOf('#threads tbody tr'))[2]?.split(/\t|\n/).map((cell) => cell.trim()),
    ).toEqual(['pid 4713', '1 h ago', '3,802', '22,002', '8.30 s', '4', 'busy for 2.31 s']);
    expect(await page.locator('.ended').innerText()).toBe(
      'and 2 that have ended: 226 requests, 1,207 queries',
    );
    expect((await textsOf('#requests tbody tr:nth-child(9) td')).slice(0, 2)).toEqual([
      expect.any(String),
      'pid 4711',
    ]);
    expect(
      await page.locator('#requests tbody tr:nth-child(9) .column-query-time').innerText(),
    ).toBe('–');
    expect(await page.locator('.pool').first().innerText()).toContain(
      'as it was 12 s ago, when it was last used',
    );
    await takeScreenshot(page, 'dashboard-host');
    expect(await findAccessibilityProblems(page)).toEqual([]);
    expect(misdeeds.list).toEqual([]);
  });

  test('processes that answer in turn are not taken for one', async () => {
    await open(createShopData());
    expect(await page.locator('.notes').count()).toBe(0);
    server.show({ ...createShopData(), pid: 4712 });
    await page.clock.runFor(2000);
    await page.locator('.notes').waitFor();
    expect(await page.locator('.notes').innerText()).toContain(
      'Several processes answer in turn, each with figures of its own; this is pid 4712.',
    );
    expect(await findAccessibilityProblems(page)).toEqual([]);
  });

  test('what was dropped is named', async () => {
    const data = createEmptyData();
    const dropped = { queries: 1200, requests: 0, statements: 3, pools: 7, torn: 1 };
    await open({ ...data, status: { ...data.status, dropped } });
    expect(await page.locator('.bottom').innerText()).toContain(
      '1,200 queries, 3 statements, 7 reports of pools, 1 torn records',
    );
  });

  test('the chart draws the requests and tells about the one that is pointed at', async () => {
    await open(createShopData());
    await page.waitForSelector('.timeline canvas');
    const colors = await page.evaluate<number>(`(() => {
      const canvas = document.querySelector('.timeline canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] === 255) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
      }
      return seen.size;
    })()`);
    expect(colors).toBeGreaterThan(5);

    await page.locator('.timeline .u-over').hover({ position: { x: 300, y: 100 } });
    expect(await page.locator('.tooltip').innerText()).toMatch(
      /^(GET|POST) \/\S*\n\d\d:\d\d:\d\d · status \d{3}\n[\d.]+ ms, [\d.]+ ms in \d+ (query|queries)/,
    );
    await page.mouse.move(5, 5);
    await page.waitForSelector('.tooltip', { state: 'detached' });
  });

  test('an empty page says what to do', async () => {
    await open(createEmptyData());
    expect(await page.locator('.empty').count()).toBe(5);
    expect(await page.locator('#requests .empty').innerText()).toContain(
      `curl ${new URL(server.url).origin}/`,
    );
    expect(await page.locator('#slow-queries .empty').innerText()).toContain('100 ms or longer');
    expect(await metric('avg_queries_per_request')).toBe('0.0');
  });

  test('a thousand rows are shown a page at a time', async () => {
    const shop = createShopData({ requestCount: 1000 });
    const statements = Array.from({ length: 500 }, (_, index) => ({
      ...(shop.statements[index % shop.statements.length] as (typeof shop.statements)[number]),
      fingerprint: index.toString(16).padStart(16, '0'),
    }));
    await open({ ...shop, statements });
    await takeScreenshot(page, 'dashboard-many');
    expect(await page.locator('#requests tbody tr, #statements tbody tr').count()).toBe(20);
    await page.locator('#requests .show-more').click();
    expect(await page.locator('#requests tbody tr').count()).toBe(60);
    expect(await page.locator('#requests .show-more').innerText()).toBe('Show 50 more of 940');
  });
});

describe('what the reader can do', () => {
  const durationsShown = async (): Promise<number[]> =>
    (await textsOf('#requests tbody td.column-duration')).map((text) =>
      text.endsWith(' ms') ? parseFloat(text) : parseFloat(text) * 1000,
    );

  test('columns are sorted by keyboard, and say so', async () => {
    await open(createShopData());
    const header = page.locator('#requests th.column-duration');
    const button = header.getByRole('button', { name: 'Duration' });
    expect(await header.getAttribute('aria-sort')).toBe('none');

    await page.locator('#requests th.column-status button').focus();
    await page.keyboard.press('Tab');
    expect(await button.evaluate((element) => element.matches(':focus-visible'))).toBe(true);
    expect(await styleOf('#requests th.column-duration button', 'outlineStyle')).toBe('solid');

    await page.keyboard.press('Enter');
    expect(await header.getAttribute('aria-sort')).toBe('descending');
    const descending = await durationsShown();
    expect(descending).toEqual(descending.toSorted((a, b) => b - a));
    expect(descending[0]).toBeGreaterThan(200);

    await page.keyboard.press('Space');
    expect(await header.getAttribute('aria-sort')).toBe('ascending');
    const ascending = await durationsShown();
    expect(ascending).toEqual(ascending.toSorted((a, b) => a - b));
    expect(await page.locator('#requests th[aria-sort]:not([aria-sort=none])').count()).toBe(1);
  });

  test('requests are filtered by what was found, statements by their text and models', async () => {
    await open(createShopData());
    await page.getByRole('button', { name: 'Slow 7' }).click();
    expect(new Set(await textsOf('#requests td.column-route'))).toEqual(
      new Set(['GET /reports/sales']),
    );
    expect(await page.locator('#requests tbody tr').count()).toBe(7);

    await page.getByRole('searchbox').fill('insert into');
    expect(await page.locator('#statements tbody tr').count()).toBe(2);
    await page.getByRole('searchbox').fill('product');
    expect(await textsOf('#statements .finding-details')).toEqual([
      expect.stringMatching(/^model Product\s+from listOrders /),
    ]);
    await page.getByRole('searchbox').fill('nothing like that');
    expect(await page.locator('#statements .empty').innerText()).toBe(
      'No statement holds that text.',
    );
  });

  test('a long statement is unfolded and copied whole', async () => {
    const sql = `SELECT ${'some_column, '.repeat(3000)}1 FROM t`;
    const statement = { ...createShopData().statements[0], sql, fingerprint: '0000000000000001' };
    await open(
      createEmptyData({ statements: [statement as DashboardData['statements'][number]] }),
      {
        ...DESKTOP,
        permissions: ['clipboard-read', 'clipboard-write'],
      },
    );
    const code = page.locator('#statements .sql-text');
    const folded = await code.evaluate((element) => element.clientHeight);
    const more = page.getByRole('button', { name: 'More of statement 0000000000000001' });
    await more.click();
    expect(await code.evaluate((element) => element.clientHeight)).toBeGreaterThan(folded * 5);
    expect(await code.innerText()).toMatch(/ … and 19,\d{3} more characters$/);
    expect(
      await page.locator('#statements .sql-tools [aria-expanded]').getAttribute('aria-expanded'),
    ).toBe('true');
    await expectNoOverflow();

    await page.getByRole('button', { name: 'Copy statement 0000000000000001' }).click();
    await page.getByText('copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(sql);
  });

  test('the page follows the application until it is paused', async () => {
    await open(createEmptyData());
    server.show(createEmptyData({ stats: createStats({ totalRequests: 5 }) }));
    await page.locator('[data-metric=total_requests]').getByText('5', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Pause' }).click();
    expect(await page.getByRole('status').innerText()).toBe('Paused');
    server.takePaths();
    server.show(createEmptyData({ stats: createStats({ totalRequests: 6 }) }));
    await page.clock.runFor(60_000);
    expect(server.takePaths()).toEqual([]);
    expect(await metric('total_requests')).toBe('5');

    await page.getByRole('button', { name: 'Resume' }).click();
    await page.locator('[data-metric=total_requests]').getByText('6', { exact: true }).waitFor();
    expect(await page.getByRole('status').innerText()).toBe('Live');
  });

  test('a page that nobody looks at asks for nothing', async () => {
    await open(createEmptyData());
    const setHidden = (isHidden: boolean): Promise<unknown> =>
      page.evaluate(`
        Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      `);
    await setHidden(true);
    server.takePaths();
    await page.clock.runFor(60_000);
    expect(server.takePaths()).toEqual([]);

    const asked = page.waitForRequest(`${server.url}/data`);
    await setHidden(false);
    await asked;
  });
});

describe('when the application is away', () => {
  test.each([
    ['disconnect', 'The application does not answer. Is it still running?'],
    [500, 'The application answered with status 500.'],
    [404, 'The application no longer shows its dashboard to you (404).'],
  ] as const)(
    '(%s) the page says so, keeps its figures, and comes back',
    async (failure, problem) => {
      await open(createShopData());
      server.fail(failure);
      await page.getByRole('alert').waitFor();
      expect(await page.getByRole('alert').innerText()).toContain(problem);
      expect(await page.getByRole('status').innerText()).toBe('Reconnecting');
      expect(await metric('total_requests')).toBe('15,432');
      if (failure === 'disconnect') {
        await takeScreenshot(page, 'dashboard-problem');
        expect(await findAccessibilityProblems(page)).toEqual([]);
      }

      server.fail(undefined);
      await page.getByRole('button', { name: 'Try now' }).click();
      await page.getByRole('alert').waitFor({ state: 'detached' });
      expect(await page.getByRole('status').innerText()).toBe('Live');
    },
  );
});

describe('how it looks', () => {
  test.each([
    ['dashboard-light', createShopData(), { ...DESKTOP, colorScheme: 'light' }],
    ['dashboard-dark', createShopData(), { ...DESKTOP, colorScheme: 'dark' }],
    ['dashboard-narrow', createShopData(), { ...NARROW, colorScheme: 'light' }],
    ['dashboard-phone', createShopData(), { ...PHONE, colorScheme: 'light' }],
    ['dashboard-phone-dark', createShopData(), { ...PHONE, colorScheme: 'dark' }],
    ['dashboard-empty', createEmptyData(), { ...DESKTOP, colorScheme: 'light' }],
    ['dashboard-empty-dark', createEmptyData(), { ...PHONE, colorScheme: 'dark' }],
  ] as const)('%s: nothing is out of reach or sticks out', async (name, data, options) => {
    await open(data, options);
    const screenshot = await takeScreenshot(page, name);
    expect(screenshot.length).toBeGreaterThan(10_000);
    expect(await findAccessibilityProblems(page)).toEqual([]);
    await expectNoOverflow();
    expect(misdeeds.list).toEqual([]);
  });

  test('a dark page is dark, and nothing moves for those who want it still', async () => {
    await open(createShopData(), { ...DESKTOP, colorScheme: 'dark', reducedMotion: 'reduce' });
    expect(await styleOf('body', 'backgroundColor')).toBe('rgb(11, 15, 20)');
    expect(await styleOf('.live-dot', 'animationName')).toBe('none');
    expect(await styleOf('html', 'scrollBehavior')).toBe('auto');
  });

  test('a language that is none does not break it', async () => {
    page = await browser.page(DESKTOP);
    misdeeds = await watchMisdeeds(page, new URL(server.url).origin);
    await page.addInitScript(
      `Object.defineProperty(Navigator.prototype, 'language', { get: () => 'en-US@posix', configurable: true })`,
    );
    server.show(createShopData());
    await page.goto(server.url);
    await page.waitForSelector('.timeline canvas');
    expect(await metric('total_requests')).toBe('15,432');
    expect(misdeeds.list).toEqual([]);
  });
});

describe('hostile texts', () => {
  test('are shown as the text they are, and nothing of them runs', async () => {
    const data = createHostileData();
    await open(data);
    await clickAll('.show-more');
    await page.locator('[aria-expanded=false]').first().waitFor();
    await clickAll('[aria-expanded=false]');
    await page.locator('[aria-expanded=true]').first().waitFor();
    await page.locator('.timeline .u-over').hover();
    await page.locator('.tooltip').waitFor();

    const shown = await page
      .locator('#statements .sql-text')
      .evaluateAll((elements) => elements.map(({ textContent }) => textContent));
    expect(shown).toHaveLength(HOSTILE_TEXTS.length);
    expect(shown[0]).toBe('<script>alert(1)</script>');
    expect(shown[14]).toBe('line\\u2028separator\\u2029and\\u0085next');
    expect(shown[15]).toContain('right\\u202eot tfel');
    expect(await page.locator('h1').innerText()).toContain('shop <script>alert(1)</script>');

    expect(
      await page.locator('main').locator('script, img, iframe, base, link, meta').count(),
    ).toBe(0);
    await expectNoOverflow();
    await takeScreenshot(page, 'dashboard-hostile');
    expect(misdeeds.list).toEqual([]);
  });

  test('do not widen a phone', async () => {
    await open(createHostileData(), PHONE);
    await expectNoOverflow();
    expect(await findAccessibilityProblems(page)).toEqual([]);
  });

  test('would not run if they did become markup: the policy is in force', async () => {
    await open(createEmptyData());
    const refused = await page.evaluate<string>(`(() => {
      try {
        document.body.innerHTML = '<img src=x onerror=alert(1)>';
        return 'taken';
      } catch (error) {
        return error.name;
      }
    })()`);
    expect(refused).toBe('TypeError');
    await page.evaluate(`{
      const image = document.createElement('img');
      image.src = 'http://canary.invalid/x.png';
      document.body.append(image);
    }`);
    await expect
      .poll(() => misdeeds.list.filter((line) => line.startsWith('policy: ')))
      .toEqual([
        'policy: require-trusted-types-for trusted-types-sink',
        'policy: img-src http://canary.invalid/x.png',
      ]);
  });
});
