import { getRecorder, isDisabled } from '../recorder/index.ts';

/** Runs the tool's own queries so that nothing records them; without a recorder nothing would. */
export function runUnrecorded<T>(fn: () => T): T {
  return isDisabled() ? fn() : getRecorder().runUnrecorded(fn);
}
