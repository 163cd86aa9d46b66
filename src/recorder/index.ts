/** Scopes, and the one place where queries and requests are written down. */
export {
  type Context,
  getRecorder,
  isDisabled,
  type QueryListener,
  type Recorder,
} from './recorder.ts';
export {
  type RecordedQuery,
  Scope,
  type ScopeEnd,
  type ScopeObserver,
  type ScopeProfile,
} from './scope.ts';
export type { PoolState } from './pool-registry.ts';
