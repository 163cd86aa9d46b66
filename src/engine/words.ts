/**
 * 64-bit words in a `Uint32Array`, low half first, without BigInt: each is a whole number up to
 * `Number.MAX_SAFE_INTEGER`, or two 32-bit numbers.
 */

/** Copies `target.length` words from `firstWord` on, each of them whole, in order. */
export type ReadWords = (firstWord: number, target: BigUint64Array) => void;

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

/**
 * Wraps at 2^64, as the native engine's counters do. Whoever reads the word as a whole meanwhile
 * sees it before or after: a carry, which changes both halves, is stored at once.
 */
export function addToWord(halves: Uint32Array, word: number, amount: number): void {
  const low = lowOf(halves, word) + (amount % HALF);
  if (low < HALF && amount < HALF) {
    halves[2 * word] = low;
    return;
  }
  const carry = Math.floor(amount / HALF) + (low >= HALF ? 1 : 0);
  storeHalves(halves, word, low, highOf(halves, word) + carry);
}

/** {@link writeWord} for a counter that is read as a whole while it changes. */
export function storeWord(halves: Uint32Array, word: number, value: number): void {
  const high = Math.floor(value / HALF);
  if (high === highOf(halves, word)) halves[2 * word] = value % HALF;
  else storeHalves(halves, word, value % HALF, high);
}

/** {@link writeHalves} for a word that is read as a whole while it changes. */
export function storeHalves(halves: Uint32Array, word: number, low: number, high: number): void {
  const whole = new BigUint64Array(halves.buffer, halves.byteOffset + 8 * word, 1);
  Atomics.store(whole, 0, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
}
