/** Several applications on one host: each is shown by itself, and none in a sum with another. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { runNode, type RunningProcess, startNode } from '../../support/processes.ts';

/** Records as many queries as it is told, says so, and stays. */
const RECORD = `
  const { PerformanceMiddleware } = require('./dist/index.cjs');
  const perf = new PerformanceMiddleware();
  for (let n = 0; n < Number(process.argv[1]); n += 1) {
    perf.recordQuery('SELECT ' + process.argv[2], { durationMs: 1 });
  }
  console.log('recorded');
  setInterval(() => {}, 60_000);
`;

const isLinux = process.platform === 'linux';
let directory: string;
const running: RunningProcess[] = [];

async function record(app: string, count: number, column: string): Promise<void> {
  const env = { HYPERDJANGO_DIR: directory, HYPERDJANGO_APP: app, HYPERDJANGO_ENGINE: 'native' };
  const started = startNode(['-e', RECORD, String(count), column], { env });
  running.push(started);
  expect(await started.nextLine()).toBe('recorded');
}

async function top(...args: string[]): Promise<string> {
  const { stdout, code } = await runNode(['dist/cli/main.js', 'top', ...args], {
    env: { HYPERDJANGO_DIR: directory },
  });
  expect(code).toBe(0);
  return stdout;
}

beforeAll(async () => {
  if (!isLinux) return;
  directory = mkdtempSync('/dev/shm/hyperdjango-applications-');
  chmodSync(directory, 0o700);
  await record('shop', 2, 'price');
  await record('shop', 3, 'price');
  await record('billing', 7, 'invoice');
});

afterAll(() => {
  for (const { child } of running) child.kill('SIGKILL');
  if (isLinux) rmSync(directory, { recursive: true });
});

interface Shown {
  readonly app: string;
  readonly totals: { readonly queries: number };
  readonly processes: readonly unknown[];
  readonly statements: readonly { readonly sql: string }[];
}

it.runIf(isLinux)('--json has each with figures of its own, beside all together', async () => {
  const { applications, totals } = JSON.parse(await top('--json')) as Shown & {
    readonly applications: readonly Shown[];
  };
  expect(totals.queries).toBe(12);
  expect(
    applications.map((shown) => [
      shown.app,
      shown.processes.length,
      shown.totals.queries,
      shown.statements.map(({ sql }) => sql),
    ]),
  ).toEqual([
    ['shop', 2, 5, ['SELECT price']],
    ['billing', 1, 7, ['SELECT invoice']],
  ]);
});

it.runIf(isLinux)(
  'elsewhere than on a terminal each has a frame, and --app one alone',
  async () => {
    const frames = (await top()).split(/^(?=shop|billing)/m);
    expect(frames).toHaveLength(2);
    expect(frames[0]).toMatch(/^shop {2}2 processes .*\n.*queries 5 /);
    expect(frames[0]).not.toContain('invoice');
    expect(frames[1]).toMatch(/^billing {2}1 process .*\n.*queries 7 /);
    const alone = await top('--app', 'billing');
    expect(alone).toMatch(/queries 7 /);
    expect(alone).not.toContain('shop');
  },
);
