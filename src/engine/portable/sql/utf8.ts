/** The parts that need a text's UTF-8 form; ASCII, which is nearly everything, never comes here. */
import { mix1, mix2, WORD_SEED_1, WORD_SEED_2 } from './fingerprint.ts';
import { FOLDED } from './characters.ts';

const REPLACEMENT = 0xfffd;

/** The code point at `index`; a lone surrogate reads as U+FFFD, as it does through N-API. */
function codePointAt(text: string, index: number, end: number): number {
  const unit = text.charCodeAt(index);
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  if (unit > 0xdbff || index + 1 >= end) return REPLACEMENT;
  const low = text.charCodeAt(index + 1);
  if (low < 0xdc00 || low > 0xdfff) return REPLACEMENT;
  return ((unit - 0xd800) << 10) + (low - 0xdc00) + 0x10000;
}

function byteLengthOf(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** The bytes of a code point, first byte lowest. */
function bytesOf(codePoint: number): number {
  if (codePoint < 0x80) return codePoint;
  const last = 0x80 | (codePoint & 0x3f);
  if (codePoint < 0x800) return 0xc0 | (codePoint >> 6) | (last << 8);
  const third = 0x80 | ((codePoint >> 6) & 0x3f);
  if (codePoint < 0x10000) return 0xe0 | (codePoint >> 12) | (third << 8) | (last << 16);
  const second = 0x80 | ((codePoint >> 12) & 0x3f);
  return 0xf0 | (codePoint >> 18) | (second << 8) | (third << 16) | (last << 24);
}

/** Where {@link hashUtf8} puts what it finds. */
interface HashedText {
  word1: number;
  word2: number;
  extraBytes: number;
}

/** Hashes `[start, end)` as UTF-8, ASCII letters in lower case where `folds`. */
export function hashUtf8(
  text: string,
  start: number,
  end: number,
  folds: boolean,
  result: HashedText,
): void {
  let hash1 = WORD_SEED_1;
  let hash2 = WORD_SEED_2;
  let group = 0;
  let shift = 0;
  let byteCount = 0;
  let index = start;
  while (index < end) {
    const codePoint = codePointAt(text, index, end);
    let bytes = bytesOf(codePoint);
    if (folds && codePoint < 0x80) bytes = FOLDED[codePoint] as number;
    const count = byteLengthOf(codePoint);
    for (let byte = 0; byte < count; byte += 1) {
      group |= ((bytes >>> (8 * byte)) & 0xff) << shift;
      shift += 8;
      if (shift === 32) {
        hash1 = mix1(hash1, group);
        hash2 = mix2(hash2, group);
        group = 0;
        shift = 0;
      }
    }
    byteCount += count;
    index += codePoint > 0xffff ? 2 : 1;
  }
  if (shift !== 0) {
    hash1 = mix1(hash1, group);
    hash2 = mix2(hash2, group);
  }
  result.word1 = hash1;
  result.word2 = hash2;
  result.extraBytes = byteCount - (end - start);
}

/** Turns ascending UTF-16 offsets into UTF-8 offsets, in place. */
export function toByteOffsets(text: string, offsets: number[]): void {
  let index = 0;
  let bytes = 0;
  for (let position = 0; position < offsets.length; position += 1) {
    const target = offsets[position] as number;
    while (index < target) {
      const codePoint = codePointAt(text, index, text.length);
      bytes += byteLengthOf(codePoint);
      index += codePoint > 0xffff ? 2 : 1;
    }
    offsets[position] = bytes;
  }
}

/** A copy of a text that keeps no longer text alive, and has U+FFFD for lone surrogates. */
export function isolate(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
