import { expect, test } from 'vitest';

import type { RequestRow } from '../../../src/dashboard/index.ts';
import { latestInOrder } from '../../../src/dashboard/ui/order.ts';

function request(id: number, startedAt: number, durationMs: number): RequestRow {
  return {
    id,
    pid: 1,
    method: 'GET',
    route: '/',
    status: 200,
    startedAt,
    durationMs,
    queryCount: 0,
    queryMs: 0,
    slowCount: 0,
    nPlusOneCount: 0,
    aborted: false,
    failedCount: 0,
    sqlState: null,
  };
}

test('a long request stands where it began, and the time on the axis never goes back', () => {
  const asTheyEnded = [request(1, 40, 1), request(2, 50, 5), request(3, 10, 90), request(4, 95, 5)];
  const rows = latestInOrder(asTheyEnded.toReversed(), 3);
  expect(rows.map(({ id }) => id)).toEqual([3, 2, 4]);
});
