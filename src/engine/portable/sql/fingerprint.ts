/**
 * The 64-bit fingerprint, version 2: two lanes of 32 bits that never meet before the end, so
 * that JavaScript (`Math.imul`) and Zig (`*%`) compute it at the same cost.
 *
 * A token becomes two words (one for each lane) by mixing its bytes, four at a time, little
 * endian, the last group padded with zeros; a statement is mixed from the words of its tokens.
 * `docs/sql.md` is the specification.
 */

/** Seeds of a word's two lanes. */
export const WORD_SEED_1: number = 0x48594450;
export const WORD_SEED_2: number = 0x53514c31 | 0;

const STATEMENT_SEED_1 = 0x6a09e667;
const STATEMENT_SEED_2 = 0xbb67ae85 | 0;

/** Stands for every literal and parameter. */
export const LITERAL_CODE = 0x24;
/** Stands for a folded list; its form is added. */
export const LIST_CODE = 0x4c000000;
/** Added to a character that is no token of PostgreSQL's, and to the character of a UESCAPE. */
export const OTHER_CODE = 0x4f00;
/** Mixed into the words of an identifier that keeps its quotes. */
export const QUOTED_CODE = 0x22;
/** Mixed into the words of a `U&"…"` identifier that keeps its quotes. */
export const UNICODE_QUOTED_CODE = 0x2655;

export function mix1(hash: number, word: number): number {
  return Math.imul(((hash << 5) | (hash >>> 27)) ^ word, 0x9e3779b1);
}

export function mix2(hash: number, word: number): number {
  return Math.imul(((hash << 7) | (hash >>> 25)) ^ word, 0x85ebca77);
}

/** ASCII capital letters of a group in lower case. */
function fold(group: number): number {
  const low = group & 0x7f7f7f7f;
  // Sets the top bit of each byte that is at least `A`, and of each that is beyond `Z`.
  const capitals = (low + 0x3f3f3f3f) & ~(low + 0x25252525) & ~group & 0x80808080;
  return group | (capitals >>> 2);
}

/** Where {@link hashBytes} puts the two words. */
export interface HashedWord {
  word1: number;
  word2: number;
}

/** The words of the bytes `[start, end)`; reads up to three bytes beyond. */
export function hashBytes(
  view: DataView,
  start: number,
  end: number,
  folds: boolean,
  result: HashedWord,
): void {
  let hash1 = WORD_SEED_1;
  let hash2 = WORD_SEED_2;
  let index = start;
  for (; index + 4 <= end; index += 4) {
    const read = view.getInt32(index, true);
    const group = folds ? fold(read) : read;
    hash1 = mix1(hash1, group);
    hash2 = mix2(hash2, group);
  }
  if (index < end) {
    const read = view.getInt32(index, true) & (0xffffffff >>> (8 * (4 + index - end)));
    const group = folds ? fold(read) : read;
    hash1 = mix1(hash1, group);
    hash2 = mix2(hash2, group);
  }
  result.word1 = hash1;
  result.word2 = hash2;
}

/** murmur3's finaliser: every input bit reaches every output bit. */
function avalanche(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** The hash of a statement while its tokens stream by. */
export class StatementHash {
  lane1 = 0;
  lane2 = 0;

  reset(): void {
    this.lane1 = STATEMENT_SEED_1;
    this.lane2 = STATEMENT_SEED_2;
  }

  addCode(code: number): void {
    this.lane1 = mix1(this.lane1, code);
    this.lane2 = mix2(this.lane2, code);
  }

  addWord(word1: number, word2: number): void {
    this.lane1 = mix1(this.lane1, word1);
    this.lane2 = mix2(this.lane2, word2);
  }

  /** @returns 16 hex digits. */
  toHex(): string {
    const high = avalanche(this.lane1 + this.lane2);
    return hex(high, avalanche(this.lane2 + high));
  }
}

const HEX_DIGITS = /* @__PURE__ */ Uint8Array.from('0123456789abcdef', (digit) =>
  digit.charCodeAt(0),
);

function digitCode(word: number, shift: number): number {
  return HEX_DIGITS[(word >>> shift) & 15] as number;
}

function hex(high: number, low: number): string {
  // One native call with sixteen numbers: three times as fast as two `toString(16)`.
  return String.fromCharCode(
    digitCode(high, 28),
    digitCode(high, 24),
    digitCode(high, 20),
    digitCode(high, 16),
    digitCode(high, 12),
    digitCode(high, 8),
    digitCode(high, 4),
    digitCode(high, 0),
    digitCode(low, 28),
    digitCode(low, 24),
    digitCode(low, 20),
    digitCode(low, 16),
    digitCode(low, 12),
    digitCode(low, 8),
    digitCode(low, 4),
    digitCode(low, 0),
  );
}
