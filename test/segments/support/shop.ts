import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { ROOT, type RunningProcess, runNode, startNode } from '../../support/processes.ts';

const SHOP = join(ROOT, 'test/fixtures/segments/shop.mjs');
const MAIN = join(ROOT, 'dist/cli/main.js');

export interface StartedShop {
  readonly url: string;
  readonly pid: number;
  readonly segment: string | null;
  readonly reason: string;
}

export interface Shop extends StartedShop {
  readonly process: RunningProcess;
}

export interface ShopOptions {
  readonly databaseUrl: string;
  readonly directory: string;
  readonly appName?: string;
}

/** Starts `test/fixtures/segments/shop.mjs`; it is gone with the test. */
export async function startShop(options: ShopOptions): Promise<Shop> {
  const { process, started } = await start(options, 1, {});
  const [shop] = started;
  if (shop === undefined) throw new Error((await process.finished).stderr);
  return { ...shop, process };
}

export async function startCluster(
  options: ShopOptions,
  workerCount: number,
): Promise<{ process: RunningProcess; workers: readonly StartedShop[] }> {
  const { process, started } = await start(options, workerCount, { CLUSTER: String(workerCount) });
  return { process, workers: started };
}

async function start(
  { databaseUrl, directory, appName }: ShopOptions,
  count: number,
  env: Readonly<Record<string, string>>,
): Promise<{ process: RunningProcess; started: StartedShop[] }> {
  const running = startNode([SHOP, databaseUrl], {
    env: {
      HYPERDJANGO_DIR: directory,
      HYPERDJANGO_ENGINE: 'native',
      APP_NAME: appName,
      NODE_ENV: 'development',
      ...env,
    },
  });
  onTestFinished(() => {
    running.child.kill('SIGKILL');
  });
  const started: StartedShop[] = [];
  for (let index = 0; index < count; index += 1) {
    const line = await running.nextLine();
    if (line === undefined) throw new Error((await running.finished).stderr);
    started.push(JSON.parse(line) as StartedShop);
  }
  return { process: running, started };
}

/** Runs a command of the built package on a directory of segments. */
export async function hyperdjango(
  directory: string,
  ...args: string[]
): ReturnType<typeof runNode> {
  return runNode([MAIN, ...args], { env: { HYPERDJANGO_DIR: directory } });
}

export async function jsonOf<T>(directory: string, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await hyperdjango(directory, ...args);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as T;
}

/** Sends a request that is not expected to be answered. */
export function begin(url: string): void {
  fetch(url).then(
    (response) => response.arrayBuffer(),
    () => {},
  );
}
