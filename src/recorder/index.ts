/** Scopes, and the one place where queries and requests are written down. */
export {
  type CallSite,
  type CallSites,
  type CapturedStack,
  describeCallSite,
  describeSites,
  type SiteGroup,
} from './call-site.ts';
export type { Ignore } from './ignores.ts';
export type { PoolState, PoolTimes } from './pool-registry.ts';
export {
  type Context,
  getRecorder,
  isDisabled,
  NO_STACK,
  type Recorder,
  runUnrecorded,
} from './recorder.ts';
export {
  type RecordedQuery,
  Scope,
  type ScopeEnd,
  type ScopeObserver,
  type ScopeProfile,
} from './scope.ts';
