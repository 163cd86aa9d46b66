/** A job with a scope of its own: what it does to the database is told of by its name. */
import { type Database, PerformanceMiddleware, runInScope } from 'hyperdjango';

const perf = new PerformanceMiddleware({ nPlusOneThreshold: 5 });

/** One query for each user, where one for all would do. */
export async function sumOrders(db: Database): Promise<number> {
  return runInScope('sum-orders', async () => {
    let sum = 0;
    for (const { id } of await db.query<{ id: number }>('SELECT id FROM users')) {
      const [row] = await db.query<{ total: number }>(
        'SELECT coalesce(sum(total), 0)::int AS total FROM orders WHERE user_id = $1',
        [id],
      );
      sum += row?.total ?? 0;
    }
    return sum;
  });
}

/** The statements that ran too often in one job. */
export function repeatedStatements(): readonly string[] {
  return perf.getStats().recentNPlusOne;
}
