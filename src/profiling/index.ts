/**
 * Where the time of a request goes, and of any other piece of work.
 *
 * @module
 */
export { elapsedNanos, nanos } from './clock.ts';
export {
  type ChromeTrace,
  type FlameGraphNode,
  type SpeedscopeFile,
  toChromeTrace,
  toFlameGraph,
  toSpeedscope,
} from './exports.ts';
export { profileHandler } from './profile-handler.ts';
export { ProfileStore, type ProfileStoreOptions } from './profile-store.ts';
export type { Profile, ProfileSpan } from './profile.ts';
export { type OpenSpan, Profiler, type ProfilerOptions } from './profiler.ts';
/** @internal for what opens scopes and runs handlers. */
export { formatProfile, formatServerTiming, measureHandler } from './x-profile.ts';
