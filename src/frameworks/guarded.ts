/** What every adapter runs its own part by. */
import { getRecorder } from '../recorder/index.ts';

/** Runs what is ours, before the application's part; undefined where it failed. */
export function guarded<A extends unknown[], T>(fn: (...args: A) => T, ...args: A): T | undefined {
  try {
    return fn(...args);
  } catch (error) {
    getRecorder().reportFault(error);
    return undefined;
  }
}
