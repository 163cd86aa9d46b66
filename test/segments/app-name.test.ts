/** Applications of one name on one host, and who goes on with whose figures. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readSegment } from '../native/support/segments.ts';
import { ROOT, type RunningProcess, startNode } from '../support/processes.ts';

/** Records a query, and says where. */
const PROGRAM = `
import { PerformanceMiddleware, status } from 'hyperdjango';
const perf = new PerformanceMiddleware(JSON.parse(process.env.OPTIONS ?? '{}'));
perf.recordQuery('SELECT 1', { durationMs: 1 });
const { unscopedQueries } = perf.getStats({ scope: 'host' });
console.log(JSON.stringify({ path: status().segment, totalQueries: unscopedQueries }));
setInterval(() => {}, 1e6);
`;

interface Started {
  readonly name: string;
  /** Of the application on this host, when it started. */
  readonly totalQueries: number;
  kill(): Promise<void>;
}

let root: string;
let running: RunningProcess[];

beforeEach(() => {
  root = mkdtempSync('/dev/shm/hyperdjango-names-');
  running = [];
});

afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.map(({ finished }) => finished));
  rmSync(root, { recursive: true });
});

function folder(name: string): string {
  const path = join(root, name);
  mkdirSync(path);
  writeFileSync(join(path, 'package.json'), '{"name":"shop","type":"module"}');
  writeFileSync(
    join(path, 'index.js'),
    PROGRAM.replace("'hyperdjango'", JSON.stringify(join(ROOT, 'dist/index.js'))),
  );
  return path;
}

async function start(path: string, env: Record<string, string> = {}): Promise<Started> {
  const process = startNode([join(path, 'index.js')], {
    env: { HYPERDJANGO_DIR: join(root, '.segments'), HYPERDJANGO_ENGINE: 'native', ...env },
  });
  running.push(process);
  const line = await process.nextLine();
  if (line === undefined) throw new Error((await process.finished).stderr);
  const told = JSON.parse(line) as { path: string; totalQueries: number };
  return {
    name: readSegment(told.path).appName,
    totalQueries: told.totalQueries,
    async kill() {
      process.child.kill('SIGKILL');
      await process.finished;
    },
  };
}

describe('applications of one name', () => {
  it('are two in two folders that run at once, and stay so when they start anew', async () => {
    const [a, b] = [folder('a'), folder('b')];
    const [first, second] = [await start(a), await start(b)];
    expect([first.name, first.totalQueries]).toEqual(['shop', 1]);
    expect(second).toMatchObject({
      name: expect.stringMatching(/^shop#[0-9a-f]{8}$/),
      totalQueries: 1,
    });
    await first.kill();
    await second.kill();
    expect(await start(b)).toMatchObject({ name: second.name, totalQueries: 2 });
    expect(await start(a)).toMatchObject({ name: 'shop', totalQueries: 2 });
  });

  it('are one in one folder', async () => {
    const a = folder('a');
    await start(a);
    expect(await start(a)).toMatchObject({ name: 'shop', totalQueries: 2 });
  });

  it('are one where the next release starts in another folder when the last has ended', async () => {
    const first = await start(folder('42'));
    await first.kill();
    const next = await start(folder('43'));
    expect(next).toMatchObject({ name: 'shop', totalQueries: 2 });
    // The one before comes back, beside the one after it.
    expect(await start(join(root, '42'))).toMatchObject({
      name: expect.stringMatching(/^shop#/),
      totalQueries: 1,
    });
  });

  it('goes on with its own figures, and not with those of its neighbour', async () => {
    await start(folder('neighbour'));
    const before = await start(folder('42'));
    await before.kill();
    expect(await start(folder('43'))).toMatchObject({ name: before.name, totalQueries: 2 });
  });

  it('never share a name, however many start at the same time', async () => {
    const folders = ['a', 'b', 'c'].map(folder);
    const started = await Promise.all(folders.map((path) => start(path)));
    expect(new Set(started.map(({ name }) => name)).size).toBe(3);
  });

  it('are one where they are given one name', async () => {
    const env = { OPTIONS: '{"appName":"market"}' };
    await start(folder('a'), env);
    expect(await start(folder('b'), env)).toMatchObject({ name: 'market', totalQueries: 2 });
    const fixed = await start(join(root, 'a'), { ...env, HYPERDJANGO_APP: 'stall' });
    expect(fixed).toMatchObject({ name: 'stall', totalQueries: 1 });
  });
});
