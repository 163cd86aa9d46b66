import { loadEngine } from '../engine/load.ts';

/**
 * The engine's monotonic clock in nanoseconds: for differences, not for the time of day.
 *
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` where `HYPERDJANGO_ENGINE` asks for an
 * engine that cannot be loaded.
 * @example
 * ```ts
 * import { elapsedNanos, nanos } from 'hyperdjango/profiling';
 *
 * const start = nanos();
 * JSON.parse('{}');
 * console.log(`${Number(elapsedNanos(start)) / 1e6} ms`);
 * ```
 */
export function nanos(): bigint {
  return loadEngine().engine.nowNsBigInt();
}

/**
 * Nanoseconds since `start`, which {@link nanos} gave.
 *
 * @example
 * ```ts
 * import { elapsedNanos, nanos } from 'hyperdjango/profiling';
 *
 * const start = nanos();
 * elapsedNanos(start) >= 0n; // true
 * ```
 */
export function elapsedNanos(start: bigint): bigint {
  return nanos() - start;
}
