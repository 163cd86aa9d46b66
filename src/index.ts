/**
 * HyperApp and the names most people need.
 *
 * @module
 */
export {
  type Handler,
  type Hook,
  HyperApp,
  type ListeningApp,
  type ListenOptions,
  type RouteDecorator,
} from './app/index.ts';
export { Database, type PoolStats, type Queryable, type Row } from './database/index.ts';
export { type ErrorCode, HyperDjangoError, OptionError } from './errors/index.ts';
export {
  ignore,
  PerformanceMiddleware,
  type PerformanceOptions,
  type PerformanceStats,
  runInScope,
} from './performance/index.ts';
export { type Status, status } from './status.ts';
