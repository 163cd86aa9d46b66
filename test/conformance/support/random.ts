import { randomInt } from 'node:crypto';

/** Reproducible: `TEST_SEED` repeats a run. Print the seed with every failure. */
export const TEST_SEED: number = Number(process.env['TEST_SEED'] ?? randomInt(2 ** 31));

/** Numbers from 0 up to, and without, 1 (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
