import { loadEngine } from '../engine/load.ts';

/**
 * The engine's monotonic clock in nanoseconds: for differences, not for the time of day.
 *
 * @example
 * ```ts
 * import { elapsedNanos, nanos } from 'hyperdjango/profiling';
 *
 * const start = nanos();
 * JSON.parse('{}');
 * console.log(`${elapsedNanos(start)} ns`);
 * ```
 */
export function nanos(): bigint {
  return loadEngine().engine.nowNsBigInt();
}

/** Nanoseconds since `start`, which {@link nanos} gave. */
export function elapsedNanos(start: bigint): bigint {
  return nanos() - start;
}
