/**
 * What looks after a pool: a log of slow queries in PostgreSQL, a timer of every query, and a
 * check of idle connections.
 *
 * @module
 */
export {
  PoolHealthChecker,
  type PoolHealthCheckerOptions,
  type PoolHealthResult,
} from './pool-health-checker.ts';
export type { PoolLike } from './pool-source.ts';
export { type DrainOptions, QueryTimer, type QueryTimerOptions } from './query-timer.ts';
export {
  type GetRecentOptions,
  type LoggedSlowQuery,
  type SlowQueryDetails,
  SlowQueryLog,
  type SlowQueryLogCounts,
  type SlowQueryLogOptions,
} from './slow-query-log.ts';
