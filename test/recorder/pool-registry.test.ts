import { AsyncLocalStorage } from 'node:async_hooks';

import { expect, it, onTestFinished, vi } from 'vitest';

import { PoolRegistry, type PoolState } from '../../src/recorder/pool-registry.ts';

type Report = [row: number, name: string, total: number, idle: number, waiting: number];

function newRegistry(nowNs: () => number = () => 0): {
  registry: PoolRegistry;
  reports: Report[];
} {
  const reports: Report[] = [];
  const core = {
    recordPool: (...[row, name, total, idle, waiting]: [...Report, max: number]) => {
      reports.push([row, name, total, idle, waiting]);
    },
  };
  const registry = new PoolRegistry(core, nowNs);
  return { registry, reports };
}

function useFakeTimers(): void {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
}

function stateOf({ idle }: { idle: number }): PoolState {
  return { name: 'db', total: 2, idle, active: 2 - idle, waiting: 0, max: 2 };
}

it('looks at a pool again as long as some of it is out, and then no more', () => {
  useFakeTimers();
  const { registry, reports } = newRegistry();
  const pool = { idle: 1 };
  registry.add(pool, stateOf);
  expect(reports).toEqual([[0, 'db', 2, 1, 0]]);
  vi.advanceTimersByTime(250);
  expect(reports).toHaveLength(2);
  pool.idle = 2;
  vi.advanceTimersByTime(250);
  expect(reports.at(-1)).toEqual([0, 'db', 2, 2, 0]);
  vi.advanceTimersByTime(60_000);
  expect(reports).toHaveLength(3);
  expect(vi.getTimerCount()).toBe(0);
});

it('does so outside the request that happened to be there', async () => {
  const { registry } = newRegistry();
  const requests = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  requests.run('a request', () => {
    registry.add({ idle: 0 }, (pool) => {
      seen.push(requests.getStore());
      return stateOf(pool);
    });
  });
  expect(seen).toEqual(['a request']);
  // By a real timer: a faked one has no context.
  await expect.poll(() => seen.length).toBeGreaterThan(1);
  expect(seen.at(-1)).toBeUndefined();
});

it('writes down a queue that changes, right after another change at the next look', () => {
  useFakeTimers();
  let nowNs = 0;
  const { registry, reports } = newRegistry(() => nowNs);
  const pool = { waiting: 0 };
  const entry = registry.add(pool, ({ waiting }) => ({ ...stateOf({ idle: 2 }), waiting }));
  nowNs = 1e6;
  pool.waiting = 1;
  entry?.note(pool.waiting, nowNs);
  expect(reports.at(-1)).toEqual([0, 'db', 2, 2, 1]);
  nowNs += 0.9e6;
  pool.waiting = 0;
  entry?.note(pool.waiting, nowNs);
  expect(reports).toHaveLength(2);
  vi.advanceTimersByTime(250);
  expect(reports.at(-1)).toEqual([0, 'db', 2, 2, 0]);
});

it('lets no fault of a pool out', () => {
  useFakeTimers();
  const { registry, reports } = newRegistry();
  const pool = { idle: 0, isBroken: false };
  registry.add(pool, (one) => {
    if (one.isBroken) throw new Error('it cannot be read');
    return stateOf(one);
  });
  pool.isBroken = true;
  expect(() => vi.advanceTimersByTime(60_000)).not.toThrow();
  expect(reports).toHaveLength(1);
});
