/** Where operators end, and the placeholders of drivers that begin like operators. */
import type { PlaceholderStyle } from '../../../types/sql.ts';
import { CHARACTER, CHARACTER_CLASS, CONTINUES_NAME } from './characters.ts';
import { nameEnd } from './numbers.ts';

const PERCENT = 0x25;
const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;
const STAR = 0x2a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;
const LOWER_S = 0x73;

/** 1 for the characters that let an operator end in `+` or `-`. */
const QUALIFYING = new Uint8Array(256);
for (const character of '~!@#^&|`?%') QUALIFYING[character.charCodeAt(0)] = 1;

// V8 knows the value of a constant of this module only, not that of an imported object.
const { operator: CHARACTER_OPERATOR } = CHARACTER;

/** The run of operator characters that the last operator was cut from: measured once. */
export class OperatorRun {
  private end = -1;
  private lastQualifying = -1;
  private tail = -1;

  reset(): void {
    this.end = -1;
  }

  /** The end of the operator that starts here, more operator characters behind it. */
  operatorEnd(bytes: Uint8Array, start: number, placeholders: PlaceholderStyle): number {
    if (start >= this.end) this.measure(bytes, start, placeholders);
    const end = this.end;
    const last = bytes[end - 1];
    const isCut = (last === PLUS || last === MINUS) && this.lastQualifying < start;
    return isCut && end - start > 1 ? Math.max(start + 1, this.tail) : end;
  }

  /** A run ends at a comment; what PostgreSQL cuts off its end is decided for each operator. */
  private measure(bytes: Uint8Array, start: number, placeholders: PlaceholderStyle): void {
    let index = start;
    let lastQualifying = -1;
    let tail = start;
    for (;;) {
      const byte = bytes[index] as number;
      if (CHARACTER_CLASS[byte] !== CHARACTER_OPERATOR) break;
      const following = bytes[index + 1];
      if (index > start) {
        if (byte === MINUS && following === MINUS) break;
        if (byte === SLASH && following === STAR) break;
        if (placeholders !== 'dollar' && placeholderEnd(bytes, index, byte, placeholders) > 0)
          break;
      }
      if (QUALIFYING[byte] === 1) lastQualifying = index;
      if (byte !== PLUS && byte !== MINUS) tail = index + 1;
      index += 1;
      if (following === byte && isDoubledPlaceholder(byte, placeholders)) {
        index += 1;
        tail = index;
      }
    }
    this.end = index;
    this.lastQualifying = lastQualifying;
    this.tail = tail;
  }
}

/** `??` and `%%` stand for the operators `?` and `%` where these begin placeholders. */
function isDoubledPlaceholder(byte: number, placeholders: PlaceholderStyle): boolean {
  return (
    (byte === QUESTION_MARK && placeholders === 'question') ||
    (byte === PERCENT && placeholders === 'format')
  );
}

/** The end of the `?`, `%s` or `%(name)s` at `start`; 0 where there is none. */
export function placeholderEnd(
  bytes: Uint8Array,
  start: number,
  byte: number,
  placeholders: PlaceholderStyle,
): number {
  let index = start + 1;
  if (byte === QUESTION_MARK && placeholders === 'question') {
    return bytes[index] === QUESTION_MARK ? 0 : index;
  }
  if (byte !== PERCENT || placeholders !== 'format') return 0;
  if (bytes[index] === OPEN_PARENTHESIS) {
    index = nameEnd(bytes, index + 1);
    if (index === start + 2 || bytes[index] !== CLOSE_PARENTHESIS) return 0;
    index += 1;
  }
  if (bytes[index] !== LOWER_S || CONTINUES_NAME[bytes[index + 1] as number] === 1) return 0;
  return index + 1;
}
