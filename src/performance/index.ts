/**
 * Per-request query tracking: headers, statistics, dashboard.
 *
 * @module
 */
export type { Authorize } from '../dashboard/index.ts';
export { ignore } from './ignore.ts';
export { PerformanceMiddleware } from './middleware.ts';
export type { PerformanceOptions, ResolvedPerformanceOptions } from './options.ts';
export { runInScope } from './run-in-scope.ts';
export type { IgnoredPatterns, PerformanceStats, SlowQuery } from './stats.ts';
