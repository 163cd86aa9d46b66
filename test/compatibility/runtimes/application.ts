/** Installs the application as a user does, and asks it for pages. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { installerEnvironment, npm } from '../../support/package.ts';
import { ROOT, startNode } from '../../support/processes.ts';

export const FOLDER: string = join(ROOT, 'test/compatibility/runtimes');

export type Installer = 'npm' | 'pnpm';

/** Copies the application to the folder, and installs it with the packed hyperdjango. */
export function installApplication(folder: string, tarball: string, installer: Installer): void {
  cpSync(join(FOLDER, 'application'), folder, { recursive: true });
  const manifest = join(folder, 'package.json');
  const { dependencies, ...rest } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    dependencies: Record<string, string>;
  };
  dependencies['hyperdjango'] = `file:${tarball}`;
  writeFileSync(manifest, JSON.stringify({ ...rest, dependencies }));
  if (installer === 'npm') {
    npm(['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'], folder);
    return;
  }
  const pnpm = join(FOLDER, 'node_modules/pnpm/bin/pnpm.cjs');
  const store = join(folder, '../pnpm-store');
  mkdirSync(store, { recursive: true });
  const args = ['install', '--ignore-scripts', '--prefer-offline', '--store-dir', store];
  execFileSync(process.execPath, [pnpm, ...args], {
    cwd: folder,
    env: { ...installerEnvironment(), XDG_CACHE_HOME: store, XDG_STATE_HOME: store },
    stdio: 'pipe',
  });
}

/** How an application is run. */
export interface Start {
  readonly cwd: string;
  readonly execPath?: string | undefined;
  readonly args: readonly string[];
  readonly databaseUrl: string;
}

interface DashboardData {
  readonly stats: Readonly<Record<string, number>>;
  readonly nPlusOne: readonly {
    readonly route: string | null;
    readonly callSite?: string | null;
    readonly count: number;
  }[];
  readonly status: { readonly engine: string; readonly reason: string };
}

/** What was seen of an application from outside. */
export interface Visit {
  /** The requests whose rows or whose `X-Query-Count` were not their own, of all that were sent. */
  readonly wrong: readonly string[];
  readonly data: DashboardData;
  readonly page: { readonly status: number; readonly type: string | null };
  /** The page's status for a visitor that has come through a proxy. */
  readonly pageByProxy: number;
  /** Of `status()`; undefined where the application knows nothing of us. */
  readonly reason: string | undefined;
  readonly code: number | null;
  readonly stderr: string;
}

/** At once, on pools of 2. */
export const REQUESTS = 40;
/** Of each request: `RUNS` of `routes.mjs`. */
export const QUERIES = 6;

/** Starts the application, sends it {@link REQUESTS} for each route, and lets it end. */
export async function visit(start: Start, routes: readonly string[]): Promise<Visit> {
  const { args, cwd, execPath, databaseUrl } = start;
  const running = startNode(args, {
    cwd,
    ...(execPath !== undefined && { execPath }),
    env: { DATABASE_URL: databaseUrl, HYPERDJANGO_ENGINE: undefined, NO_COLOR: '1' },
  });
  const deadline = setTimeout(() => running.child.kill('SIGKILL'), 60_000);
  try {
    const port = await running.nextLine();
    if (port === undefined) throw new Error((await running.finished).stderr);
    const origin = `http://127.0.0.1:${port}`;
    const wrong: string[] = [];
    for (const route of routes) wrong.push(...(await visitAll(`${origin}/${route}`)));
    const dashboard = `${origin}/debug/performance`;
    const page = await fetch(dashboard);
    await page.text();
    const data = (await (await fetch(`${dashboard}/data`)).json()) as DashboardData;
    const byProxy = await fetch(dashboard, { headers: { 'x-forwarded-for': '192.0.2.1' } });
    await byProxy.text();
    const status = await fetch(`${origin}/status`);
    const body = await status.text();
    running.child.kill('SIGTERM');
    const { code, stderr } = await running.finished;
    return {
      wrong,
      data,
      page: { status: page.status, type: page.headers.get('content-type') },
      pageByProxy: byProxy.status,
      reason: status.ok ? (JSON.parse(body) as { reason: string }).reason : undefined,
      code,
      stderr,
    };
  } finally {
    clearTimeout(deadline);
    running.child.kill('SIGKILL');
  }
}

async function visitAll(address: string): Promise<string[]> {
  const seen = await Promise.all(
    Array.from({ length: REQUESTS }, async (_, n) => {
      const response = await fetch(`${address}/${n}`);
      const text = await response.text();
      const isRight = text === JSON.stringify({ found: Array.from({ length: QUERIES }, () => n) });
      const count = response.headers.get('x-query-count');
      return isRight && count === String(QUERIES) ? '' : `${address}/${n}: ${count} ${text}`;
    }),
  );
  return seen.filter((line) => line !== '');
}
