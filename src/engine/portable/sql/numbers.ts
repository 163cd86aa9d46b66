/** Where names and numbers end, in bytes that a NUL ends. */
import { CHARACTER, CHARACTER_CLASS, CONTINUES_NAME } from './characters.ts';

const DOLLAR = 0x24;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const UNDERSCORE = 0x5f;
const LOWER_E = 0x65;

// V8 knows the value of a constant of this module only, not that of an imported object.
const { digit: CHARACTER_DIGIT, letter: CHARACTER_LETTER } = CHARACTER;

function isDigit(byte: number): boolean {
  return CHARACTER_CLASS[byte] === CHARACTER_DIGIT;
}

/** The end of a name without dollar signs: a tag, a named parameter. */
export function nameEnd(bytes: Uint8Array, start: number): number {
  let index = start;
  let byte = bytes[index] as number;
  if (isDigit(byte)) return index;
  while (byte !== DOLLAR && CONTINUES_NAME[byte] === 1) byte = bytes[(index += 1)] as number;
  return index;
}

/** The end of the number that starts with a digit at `start`. */
export function numberEnd(bytes: Uint8Array, start: number): number {
  const radix = bytes[start] === ZERO ? radixOf(bytes[start + 1] as number) : 0;
  if (radix !== 0) {
    const end = radixEnd(bytes, start + 2, radix);
    if (end > start + 2) return afterJunk(bytes, end);
  }
  let index = decimalEnd(bytes, start);
  if (bytes[index] === DOT) {
    // `1..2` is a range.
    if (bytes[index + 1] === DOT) return index;
    index += 1;
    if (isDigit(bytes[index] as number)) return exponentEnd(bytes, index);
  }
  return afterExponent(bytes, index);
}

/** The end of the digits that start here, and of an exponent behind them. */
export function exponentEnd(bytes: Uint8Array, start: number): number {
  return afterExponent(bytes, decimalEnd(bytes, start));
}

function afterExponent(bytes: Uint8Array, start: number): number {
  if (((bytes[start] as number) | 0x20) !== LOWER_E) return afterJunk(bytes, start);
  const sign = bytes[start + 1];
  const digits = sign === PLUS || sign === MINUS ? start + 2 : start + 1;
  const end = isDigit(bytes[digits] as number) ? decimalEnd(bytes, digits) : start;
  return afterJunk(bytes, end);
}

/** Digits, with single underscores between them. */
function decimalEnd(bytes: Uint8Array, start: number): number {
  let index = start + 1;
  for (;;) {
    const byte = bytes[index] as number;
    if (isDigit(byte)) index += 1;
    else if (byte === UNDERSCORE && isDigit(bytes[index + 1] as number)) index += 2;
    else return index;
  }
}

function radixEnd(bytes: Uint8Array, start: number, radix: number): number {
  let index = start;
  for (;;) {
    const byte = bytes[index] as number;
    if (isRadixDigit(byte, radix)) index += 1;
    else if (byte === UNDERSCORE && isRadixDigit(bytes[index + 1] as number, radix)) index += 2;
    else return index;
  }
}

function radixOf(byte: number): number {
  switch (byte | 0x20) {
    case 0x78:
      return 16;
    case 0x6f:
      return 8;
    case 0x62:
      return 2;
    default:
      return 0;
  }
}

function isRadixDigit(byte: number, radix: number): boolean {
  if (isDigit(byte)) return byte - ZERO < radix;
  const lower = byte | 0x20;
  return radix === 16 && lower >= 0x61 && lower <= 0x66;
}

/** A number runs on into letters only by mistake: they are dropped with it. */
function afterJunk(bytes: Uint8Array, start: number): number {
  let index = start;
  if (CHARACTER_CLASS[bytes[index] as number] !== CHARACTER_LETTER) return index;
  while (CONTINUES_NAME[bytes[index] as number] === 1) index += 1;
  return index;
}
