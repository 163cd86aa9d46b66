/** Scopes, and the one place where queries and requests are written down. */
export type { PoolState } from './pool-registry.ts';
export { getRecorder, isDisabled, type Recorder, runUnrecorded } from './recorder.ts';
export {
  type RecordedQuery,
  Scope,
  type ScopeEnd,
  type ScopeObserver,
  type ScopeProfile,
} from './scope.ts';
