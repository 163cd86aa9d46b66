/** Where strings and comments end, in bytes that a NUL ends. */
import { CHARACTER, CHARACTER_CLASS } from './characters.ts';

/** How the body of a string is read. */
export const STRING = { plain: 0, escape: 1, bits: 2, unicode: 3, dollar: 4 } as const;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const DOLLAR = 0x24;
const QUOTE = 0x27;
const STAR = 0x2a;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

// V8 knows the value of a constant of this module only, not that of an imported object.
const { space: CHARACTER_SPACE } = CHARACTER;
const { bits: STRING_BITS, escape: STRING_ESCAPE } = STRING;

/** The end of a string, its continuations on later lines included. */
export function stringEnd(bytes: Uint8Array, bodyStart: number, stringKind: number): number {
  let index = bodyStart;
  for (;;) {
    const byte = bytes[index] as number;
    if (byte === QUOTE) {
      index += 1;
      if (bytes[index] === QUOTE && stringKind !== STRING_BITS) {
        index += 1;
        continue;
      }
      const continuation = continuationStart(bytes, index);
      if (continuation < 0) return index;
      index = continuation;
    } else if (byte === 0) {
      return index;
    } else {
      index += 1;
      if (byte === BACKSLASH && stringKind === STRING_ESCAPE && bytes[index] !== 0) index += 1;
    }
  }
}

/**
 * The end of the string that the quote at `start` opens, if it holds no backslash and has no
 * continuation, so that every reading of it ends there; otherwise 0.
 */
export function plainStringEnd(bytes: Uint8Array, start: number): number {
  let index = start;
  for (;;) {
    let byte: number;
    do {
      index += 1;
      byte = bytes[index] as number;
    } while (byte !== QUOTE && byte !== BACKSLASH && byte !== 0);
    if (byte !== QUOTE) return 0;
    index += 1;
    const following = bytes[index] as number;
    if (following === QUOTE) continue;
    const isSpaced = CHARACTER_CLASS[following] === CHARACTER_SPACE;
    return isSpaced && continuationStart(bytes, index) >= 0 ? 0 : index;
  }
}

/** After a quote: white space with a newline in it, then a quote; -1 if it is not so. */
function continuationStart(bytes: Uint8Array, quoteEnd: number): number {
  let index = quoteEnd;
  let byte = bytes[index] as number;
  let hasNewline = false;
  while (CHARACTER_CLASS[byte] === CHARACTER_SPACE) {
    if (byte === NEWLINE || byte === CARRIAGE_RETURN) hasNewline = true;
    byte = bytes[(index += 1)] as number;
  }
  return hasNewline && byte === QUOTE ? index + 1 : -1;
}

/**
 * The end of a dollar-quoted string. Its tag holds no dollar sign, so that what one comparison
 * has seen the next will not.
 */
export function dollarEnd(bytes: Uint8Array, tagStart: number, bodyStart: number): number {
  const tagLength = bodyStart - tagStart;
  let index = bodyStart;
  for (;;) {
    const byte = bytes[index] as number;
    if (byte === 0) return index;
    if (byte !== DOLLAR) {
      index += 1;
      continue;
    }
    let length = 1;
    while (length < tagLength && bytes[index + length] === bytes[tagStart + length]) length += 1;
    if (length === tagLength) return index + length;
    index += length;
  }
}

export function skipLineComment(bytes: Uint8Array, start: number): number {
  let index = start + 2;
  for (;;) {
    const byte = bytes[index] as number;
    if (byte === NEWLINE || byte === CARRIAGE_RETURN || byte === 0) return index;
    index += 1;
  }
}

/** Comments nest; one that has no end goes to the end of the text. */
export function skipBlockComment(bytes: Uint8Array, start: number): number {
  let index = start + 2;
  let depth = 1;
  while (depth > 0) {
    const byte = bytes[index] as number;
    if (byte === 0) return index;
    index += 1;
    if (byte === STAR && bytes[index] === SLASH) {
      depth -= 1;
      index += 1;
    } else if (byte === SLASH && bytes[index] === STAR) {
      depth += 1;
      index += 1;
    }
  }
  return index;
}
