/** Slow queries, kept in a table that survives restarts. */
import type { Database } from 'hyperdjango';
import { QueryTimer, SlowQueryLog } from 'hyperdjango/pool';

export interface SlowQueries {
  readonly slowLog: SlowQueryLog;
  readonly timer: QueryTimer;
}

export async function watch(db: Database, thresholdMs = 100): Promise<SlowQueries> {
  const slowLog = new SlowQueryLog(db, { thresholdMs });
  await slowLog.ensureTable();

  const timer = new QueryTimer(db, { slowLog, thresholdMs });
  timer.install();
  // Now every query of `db` is timed, and the slow ones are written down.
  return { slowLog, timer };
}

/** The 10 slowest queries of the last hour. */
export function slowestOfTheHour(db: Database): Promise<object[]> {
  return db.query(`
    SELECT sql_text, duration_ms, timestamp
    FROM hyper_slow_queries
    WHERE timestamp > NOW() - INTERVAL '1 hour'
    ORDER BY duration_ms DESC
    LIMIT 10`);
}

/** Before the process ends: wait for the queries in flight. */
export async function stop({ timer, slowLog }: SlowQueries): Promise<boolean> {
  const isDrained = await timer.drain({ timeoutSeconds: 30 });
  timer.uninstall();
  await slowLog.close();
  return isDrained;
}
