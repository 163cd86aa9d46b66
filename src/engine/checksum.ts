/** The checksum of `native/src/checksum.zig`. */

/** Odd, and different for every place. */
export function checksumFactor(place: number): number {
  return Math.imul(0x9e37_79b1, 2 * place + 1);
}

const FACTORS_MAX = 16;
const FACTORS = Int32Array.from({ length: FACTORS_MAX }, (_, place) => checksumFactor(place));

/**
 * Stores the checksum of `count` words (16 at most) from `first` on in the word after them.
 *
 * @param sequence stands for the first of them, which is still odd.
 */
export function writeChecksum(
  halves: Uint32Array,
  first: number,
  count: number,
  sequence: number,
): void {
  const checksum = 2 * (first + count);
  const low = sumOf(halves, 2 * first, 1, count);
  const high = sumOf(halves, 2 * first + 1, 1, count);
  const factor = FACTORS[0] ?? 0;
  halves[checksum] = low + Math.imul(sequence % 2 ** 32, factor);
  halves[checksum + 1] = high + Math.imul(Math.floor(sequence / 2 ** 32), factor);
}

/** Whether the word after `count` words (16 at most) is their checksum. */
export function hasValidChecksum(halves: Uint32Array, first: number, count: number): boolean {
  const checksum = 2 * (first + count);
  return (
    halves[checksum] === sumOf(halves, 2 * first, 0, count) >>> 0 &&
    halves[checksum + 1] === sumOf(halves, 2 * first + 1, 0, count) >>> 0
  );
}

/** What stands beside a route, so that it is known which record it belongs to. */
export function routeCheckOf(sequence: number, routeId: number): number {
  const ofSequence = Math.imul(sequence % 2 ** 32, FACTORS[0] ?? 0);
  return (ofSequence + Math.imul(routeId, FACTORS[1] ?? 0)) >>> 0;
}

/**
 * Of every other half, from one place to another (16 at most): what those words add to their lane.
 *
 * @param firstHalf of the word at place 0: its low half for the low lane, else its high one.
 */
export function sumOf(halves: Uint32Array, firstHalf: number, from: number, to: number): number {
  let sum = 0;
  for (let place = from; place < to; place += 1) {
    sum = (sum + Math.imul(halves[firstHalf + 2 * place] as number, FACTORS[place] as number)) | 0;
  }
  return sum;
}

/** A checksum over words that do not lie together. */
export class ChecksumSum {
  #low = 0;
  #high = 0;

  add(place: number, low: number, high: number): void {
    const factor = checksumFactor(place);
    this.#low = (this.#low + Math.imul(low, factor)) | 0;
    this.#high = (this.#high + Math.imul(high, factor)) | 0;
  }

  get low(): number {
    return this.#low >>> 0;
  }

  get high(): number {
    return this.#high >>> 0;
  }
}
