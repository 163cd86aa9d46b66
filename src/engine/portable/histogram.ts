import { bucketCountOf } from '../layout.ts';
import type { HistogramShape } from '../layout.ts';

/** The finest scale there is; coarser ones halve its index. */
const SCALE_MAX = 6;
const BUCKETS_PER_OCTAVE_MAX = 2 ** SCALE_MAX;

/** Values above 2^40 ns (18 minutes) count as 2^40 ns. */
const EXPONENT_CAP = 40;
const MANTISSA_ONE = 2 ** EXPONENT_CAP;

const CELL_COUNT = 128;
const CELL_WIDTH = MANTISSA_ONE / CELL_COUNT;

/** `floor(2^(40 + j/64))`; the conformance suite compares them with exact arithmetic. */
export const BUCKET_LIMITS: readonly number[] = Array.from(
  { length: BUCKETS_PER_OCTAVE_MAX + 1 },
  (_, j) => Math.floor(2 ** (EXPONENT_CAP + j / BUCKETS_PER_OCTAVE_MAX)),
);

/** How many limits lie below the start of each of the equal cells of an octave. */
const LIMITS_BELOW_CELL = Uint8Array.from({ length: CELL_COUNT }, (_, cell) => {
  const start = MANTISSA_ONE + cell * CELL_WIDTH;
  return BUCKET_LIMITS.filter((limit) => limit < start).length;
});

/**
 * The bucket of a whole number greater than zero at scale 6, as in `native/src/histogram.zig`:
 * no logarithm, so that both engines agree on every value.
 */
export function bucketIndexOf(value: number): number {
  const capped = Math.min(value, MANTISSA_ONE);
  const exponent =
    capped < 2 ** 32 ? 31 - Math.clz32(capped) : 63 - Math.clz32(Math.floor(capped / 2 ** 32));
  const mantissa = capped * 2 ** (EXPONENT_CAP - exponent);
  const cell = Math.floor((mantissa - MANTISSA_ONE) / CELL_WIDTH);
  const below = LIMITS_BELOW_CELL[cell] ?? 0;
  const passed = (BUCKET_LIMITS[below] ?? Infinity) < mantissa ? below + 1 : below;
  return Math.max(0, exponent * BUCKETS_PER_OCTAVE_MAX + passed - 1);
}

/** Counts one value greater than zero. A count that is full stays full. */
export function recordValue(
  counts: Uint32Array,
  firstCount: number,
  shape: HistogramShape,
  value: number,
): void {
  recordBucket(counts, firstCount, shape, bucketIndexOf(value));
}

/** {@link recordValue} for a value whose {@link bucketIndexOf} is known. */
export function recordBucket(
  counts: Uint32Array,
  firstCount: number,
  shape: HistogramShape,
  bucketIndex: number,
): void {
  const index = bucketIndex >> (SCALE_MAX - shape.scale);
  const bucket = Math.max(0, index - (shape.exponentMin << shape.scale));
  const at = firstCount + Math.min(bucket, bucketCountOf(shape) - 1);
  const count = counts[at] ?? 0;
  if (count < 0xffff_ffff) counts[at] = count + 1;
}
