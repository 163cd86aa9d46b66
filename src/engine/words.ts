/**
 * 64-bit words in a `Uint32Array`, low half first, without BigInt: each is a whole number up to
 * `Number.MAX_SAFE_INTEGER`, or two 32-bit numbers.
 */

/** Copies `target.length` words from `firstWord` on, each of them whole, in order. */
export type ReadWords = (firstWord: number, target: BigUint64Array<ArrayBuffer>) => void;

const HALF = 2 ** 32;

export function readWord(halves: Uint32Array, word: number): number {
  return lowOf(halves, word) + highOf(halves, word) * HALF;
}

export function lowOf(halves: Uint32Array, word: number): number {
  return halves[2 * word] ?? 0;
}

export function highOf(halves: Uint32Array, word: number): number {
  return halves[2 * word + 1] ?? 0;
}

export function writeWord(halves: Uint32Array, word: number, value: number): void {
  halves[2 * word] = value % HALF;
  halves[2 * word + 1] = value / HALF;
}

export function writeHalves(halves: Uint32Array, word: number, low: number, high: number): void {
  halves[2 * word] = low;
  halves[2 * word + 1] = high;
}

/** Wraps at 2^64, as the native engine's counters do. */
export function addToWord(halves: Uint32Array, word: number, amount: number): void {
  const low = lowOf(halves, word) + (amount % HALF);
  halves[2 * word] = low;
  halves[2 * word + 1] = highOf(halves, word) + Math.floor(amount / HALF) + (low >= HALF ? 1 : 0);
}
