import { expect, it } from 'vitest';

import { RequestLog } from '../../src/performance/request-log.ts';

function logged(count: number, capacity: number): RequestLog {
  const log = new RequestLog(capacity);
  for (let n = 1; n <= count; n += 1) {
    log.add({
      name: `GET /${n}`,
      status: 200 + n,
      startedAt: 1e12 + n,
      durationMs: n / 4,
      queryCount: n,
      queryMs: n / 8,
      slowCount: n % 3,
      nPlusOneCount: n % 2,
      aborted: n % 2 === 1,
    });
  }
  return log;
}

it.each([1, 2, 63, 64, 65, 200])('keeps the last %i requests, the newest first', (capacity) => {
  for (const count of [0, 1, capacity - 1, capacity, capacity + 1, 3 * capacity + 2]) {
    const log = logged(count, capacity);
    expect(log.addedCount).toBe(count);
    const ids = log.newestFirst().map(({ id }) => id);
    const kept = Math.min(count, capacity);
    expect(ids).toEqual(Array.from({ length: kept }, (_, age) => count - age));
  }
});

it('gives each request as it was', () => {
  const [newest] = logged(131, 100).newestFirst();
  expect(newest).toEqual({
    id: 131,
    pid: process.pid,
    method: 'GET',
    route: '/131',
    status: 331,
    startedAt: 1e12 + 131,
    durationMs: 32.75,
    queryCount: 131,
    queryMs: 16.375,
    slowCount: 2,
    nPlusOneCount: 1,
    aborted: true,
  });
});
