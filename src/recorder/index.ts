/** Scopes, and the one place where queries and requests are written down. */
export {
  type CallSite,
  type CallSites,
  type CapturedStack,
  describeCallSite,
  describeSites,
  type SiteGroup,
} from './call-site.ts';
export { type Context, Detour, NO_STACK, sharedContext } from './context.ts';
export type { Ignore } from './ignores.ts';
export { UNKNOWN_PARAMETERS } from './parameter-hash.ts';
export type { PoolEntry, PoolState, PoolTimes } from './pool-registry.ts';
export { getRecorder, isDisabled, runUnrecorded } from './process-recorder.ts';
export type { PoolWait } from './pool-waits.ts';
export type { Recorder } from './recorder.ts';
export {
  RecordedQuery,
  Scope,
  type ScopeEnd,
  type ScopeObserver,
  type ScopeProfile,
} from './scope.ts';
