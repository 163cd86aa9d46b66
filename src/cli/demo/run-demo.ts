import { PerformanceMiddleware } from '../../performance/index.ts';
import { isDisabled } from '../../recorder/index.ts';
import type { OutputStream } from '../command.ts';
import { painter } from '../paint.ts';
import { launchPostgres } from '../postgres/index.ts';
import { createShop } from './app.ts';
import { openShop, prepareShop } from './shop-database.ts';
import { SHOP_SCHEMA } from './schema.ts';
import { generateTraffic, type TrafficReport } from './traffic.ts';

/** Few, so that a rush at the checkout is felt by everybody. */
const CONNECTIONS_MAX = 5;

export interface DemoOptions {
  /** Where results go; progress goes to `stderr`. */
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /**
   * A server to use, as `postgres://…`.
   *
   * @defaultValue undefined: an embedded one.
   */
  readonly databaseUrl?: string;
  /**
   * When the demo ends by itself.
   *
   * @defaultValue Infinity: at the signal.
   */
  readonly seconds?: number;
  /** @defaultValue false: for people, with the address first and a summary last. */
  readonly json?: boolean;
  /** @defaultValue 0: any free one. */
  readonly port?: number;
  /** Ends the demo early, in good order. */
  readonly signal?: AbortSignal;
}

/** Undoes one step of the start; they run in reverse order. */
type Cleanup = () => Promise<void>;

/** What `--json` prints. */
export interface DemoResult {
  /** Where the shop was. */
  readonly url: string;
  /** Of one response of the shop, with a query behind it. */
  readonly headers: Readonly<Record<string, string>>;
  /** What `GET {dashboardPath}/json` answered. */
  readonly stats: unknown;
}

/**
 * Runs the shop with traffic until its time is over or the signal comes, and stops everything that
 * it started.
 *
 * @throws where the database or the port cannot be had, and where `HYPERDJANGO_DISABLED` is set.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  if (isDisabled()) throw new Error('HYPERDJANGO_DISABLED is set: there would be nothing to see');
  const cleanups: Cleanup[] = [];
  const errors: unknown[] = [];
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    await step().catch((error: unknown) => errors.push(error));
  };
  await attempt(async () => {
    const databaseUrl = await provideDatabase(options, cleanups);
    await runShop(databaseUrl, options, cleanups);
  });
  // Each of them, also where one before it failed.
  for (const cleanup of cleanups.toReversed()) await attempt(cleanup);
  if (errors.length > 0) throw errors[0];
}

async function provideDatabase(
  { databaseUrl, stderr }: DemoOptions,
  cleanups: Cleanup[],
): Promise<string> {
  const say = (text: string): unknown => stderr.write(`${text}\n`);
  let url = databaseUrl;
  if (url === undefined) {
    say('Starting PostgreSQL …');
    const server = await launchPostgres();
    cleanups.push(async () => server.stop());
    ({ url } = server);
  }
  const shop = await prepareShop(url);
  cleanups.push(async () => shop.remove());
  if (databaseUrl !== undefined) {
    say(
      shop.isCreated
        ? `Created the schema ${SHOP_SCHEMA} in the database of DATABASE_URL; it goes at the end`
        : `Found the schema ${SHOP_SCHEMA} in the database of DATABASE_URL; it stays`,
    );
  }
  return url;
}

async function runShop(
  databaseUrl: string,
  options: DemoOptions,
  cleanups: Cleanup[],
): Promise<void> {
  const { stdout, json = false, port = 0 } = options;
  const database = openShop(databaseUrl, CONNECTIONS_MAX);
  cleanups.push(async () => database.close());
  await database.connect();
  const performance = new PerformanceMiddleware({ appName: 'shop' });
  const shop = await createShop({ database, performance }).listen({ port });
  cleanups.push(async () => shop.close());
  const { url } = shop;

  const dashboardUrl = `${url}${performance.options.dashboardPath}`;
  if (!json) stdout.write(welcome(url, dashboardUrl, options));
  const report = await trafficFor(url, options);
  if (json) {
    stdout.write(`${JSON.stringify(await collectResult(url, dashboardUrl))}\n`);
  } else {
    stdout.write(summary(report, performance));
  }
}

async function trafficFor(url: string, { seconds, signal }: DemoOptions): Promise<TrafficReport> {
  const end = new AbortController();
  const stop = (): void => end.abort();
  const timer = seconds === undefined ? undefined : setTimeout(stop, seconds * 1_000);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    return await generateTraffic({ url, signal: end.signal });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

async function collectResult(url: string, dashboardUrl: string): Promise<DemoResult> {
  const response = await fetch(`${url}/products/1`);
  await response.arrayBuffer();
  const stats = await fetch(`${dashboardUrl}/json`);
  if (!stats.ok) throw new Error(`the dashboard answered ${stats.status}`);
  return { url, headers: Object.fromEntries(response.headers), stats: await stats.json() };
}

function welcome(url: string, dashboardUrl: string, { stdout, seconds }: DemoOptions): string {
  const paint = painter(stdout);
  const end = seconds === undefined ? 'Ctrl-C ends the demo.' : `The demo ends in ${seconds} s.`;
  return `Dashboard  ${paint(['bold', 'cyan'], dashboardUrl)}
Shop       ${url}

Visitors are coming and going. Some of the pages have a problem to find:
  GET  /orders              one query for each order
  GET  /categories          one query for each category, all at once
  GET  /products/top-rated  a slow query: an index is missing
  POST /checkout            keeps a connection while it waits for the payment
  GET  /reports/refunds     a query that fails

${end}
`;
}

function summary(report: TrafficReport, performance: PerformanceMiddleware): string {
  const stats = performance.getStats();
  const average = stats.avgQueriesPerRequest.toFixed(1);
  return `
${report.requestCount} requests, ${stats.totalQueries} queries (${average} a request), \
${stats.slowQueryCount} slow queries, ${stats.nPlusOneCount} N+1
`;
}
