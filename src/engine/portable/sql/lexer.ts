/**
 * PostgreSQL's scanner as a state machine: one pass, no recursion, no allocation for a token.
 *
 * It reads UTF-8 (see `source.ts`) with NUL bytes behind it: PostgreSQL too takes a NUL for the
 * end, so that no loop needs another bound. Every loop moves forward through bytes that no loop
 * of the same kind sees again: the work is linear in the input.
 */
import type { PlaceholderStyle } from '../../../types/sql.ts';
import { CHARACTER, CHARACTER_CLASS, CONTINUES_NAME, UNQUOTABLE } from './characters.ts';
import { hashBytes, mix1, mix2, QUOTED_CODE, UNICODE_QUOTED_CODE } from './fingerprint.ts';
import { keywordEntry } from './keywords.ts';
import { exponentEnd, nameEnd, numberEnd } from './numbers.ts';
import { OperatorRun, placeholderEnd } from './operators.ts';
import { dollarEnd, skipBlockComment, skipLineComment, STRING, stringEnd } from './strings.ts';
import { BACKSLASH, GAP, NOT_EQUALS_CODE, TOKEN } from './tokens.ts';

const SPACE = 0x20;
const EXCLAMATION_MARK = 0x21;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const AMPERSAND = 0x26;
const QUOTE = 0x27;
const STAR = 0x2a;
const MINUS = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const PARAMETER_DIGITS_MAX = 9;

const PUNCTUATION_KIND = new Uint8Array(128);
PUNCTUATION_KIND[0x28] = TOKEN.open;
PUNCTUATION_KIND[0x29] = TOKEN.close;
PUNCTUATION_KIND[0x5b] = TOKEN.openBracket;
PUNCTUATION_KIND[0x5d] = TOKEN.closeBracket;
PUNCTUATION_KIND[0x2c] = TOKEN.comma;
PUNCTUATION_KIND[0x3b] = TOKEN.semicolon;

/** The memory that a lexer reads, NUL bytes behind the text. */
export interface LexerSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

// V8 knows the value of a constant of this module only, not that of an imported object.
const {
  cast: TOKEN_CAST,
  colon: TOKEN_COLON,
  dot: TOKEN_DOT,
  end: TOKEN_END,
  number: TOKEN_NUMBER,
  operator: TOKEN_OPERATOR,
  other: TOKEN_OTHER,
  parameter: TOKEN_PARAMETER,
  quoted: TOKEN_QUOTED,
  string: TOKEN_STRING,
  unterminated: TOKEN_UNTERMINATED,
  word: TOKEN_WORD,
} = TOKEN;
const { none: GAP_NONE, other: GAP_OTHER } = GAP;
const {
  colon: CHARACTER_COLON,
  digit: CHARACTER_DIGIT,
  dollar: CHARACTER_DOLLAR,
  dot: CHARACTER_DOT,
  doubleQuote: CHARACTER_DOUBLE_QUOTE,
  letter: CHARACTER_LETTER,
  operator: CHARACTER_OPERATOR,
  punctuation: CHARACTER_PUNCTUATION,
  quote: CHARACTER_QUOTE,
  space: CHARACTER_SPACE,
} = CHARACTER;
const {
  bits: STRING_BITS,
  dollar: STRING_DOLLAR,
  escape: STRING_ESCAPE,
  plain: STRING_PLAIN,
  unicode: STRING_UNICODE,
} = STRING;
const {
  escapes: BACKSLASH_ESCAPES,
  ordinary: BACKSLASH_ORDINARY,
  unknown: BACKSLASH_UNKNOWN,
} = BACKSLASH;

export class Lexer {
  kind: number = TOKEN_END;
  start = 0;
  end = 0;
  gap: number = GAP_NONE;
  /** The hash of a word, quoted identifier or operator. */
  word1 = 0;
  word2 = 0;
  /** What is known of a word without quotes; 0 for no keyword. */
  keyword = 0;
  /** The n of `$n`, if written as `String(n)` would; otherwise -1. */
  parameterNumber = -1;
  stringKind: number = STRING_PLAIN;
  /** A `U&"…"` identifier, which a UESCAPE may follow. */
  isUnicode = false;
  /** Takes every string as the server's setting says, doubts aside. */
  isSingleReading = false;
  isAfterEscapeString = false;
  /** Gets the start and end of every comment, where set. */
  comments: number[] | undefined = undefined;

  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.bytes.buffer);
  private placeholders: PlaceholderStyle = 'dollar';
  private backslash: number = BACKSLASH_UNKNOWN;
  private readonly run = new OperatorRun();

  reset(source: LexerSource, placeholders: PlaceholderStyle, backslash: number): void {
    this.bytes = source.bytes;
    this.view = source.view;
    this.placeholders = placeholders;
    this.backslash = backslash;
    this.isSingleReading = false;
    this.comments = undefined;
    this.seek(0);
  }

  seek(position: number): void {
    this.kind = TOKEN_END;
    this.start = position;
    this.end = position;
    this.run.reset();
    this.isAfterEscapeString = false;
  }

  /** Goes on behind tokens that the caller has read, no string among them. */
  seekPast(position: number): void {
    this.end = position;
    this.isAfterEscapeString = false;
  }

  /**
   * The end of the quoted identifier whose body starts here, its hash in `word1` and `word2`; 0
   * where it is not closed.
   */
  quotedEnd(bodyStart: number): number {
    const position = this.end;
    const end = this.readQuoted(bodyStart, false) === TOKEN_QUOTED ? this.end : 0;
    this.end = position;
    return end;
  }

  /**
   * The end of the operator that starts here, its hash in `word1` and `word2`; 0 where a comment
   * starts, or a driver's placeholder may.
   */
  operatorEnd(start: number): number {
    if (this.placeholders !== 'dollar') return 0;
    const byte = this.bytes[start] as number;
    const following = this.bytes[start + 1];
    if (byte === MINUS ? following === MINUS : byte === SLASH && following === STAR) return 0;
    const position = this.end;
    this.readOperator(start, byte);
    const end = this.end;
    this.end = position;
    return end;
  }

  /** Reads the next token into the fields of this object. */
  next(): number {
    const bytes = this.bytes;
    const gapStart = this.end;
    let index = gapStart;
    let byte = bytes[index] as number;
    if (byte === SPACE) byte = bytes[(index += 1)] as number;
    let byteClass = CHARACTER_CLASS[byte] as number;
    this.gap = index - gapStart;
    if (byteClass === CHARACTER_SPACE || byte === MINUS || byte === SLASH) {
      index = this.gapEnd(index);
      byte = bytes[index] as number;
      byteClass = CHARACTER_CLASS[byte] as number;
      if (index > gapStart + this.gap) this.gap = GAP_OTHER;
    }
    this.start = index;
    if (byteClass === CHARACTER_LETTER) return this.readWord(index, byte);
    const isAfterEscapeString = this.isAfterEscapeString;
    this.isAfterEscapeString = false;
    switch (byteClass) {
      case CHARACTER_PUNCTUATION:
        this.end = index + 1;
        return (this.kind = PUNCTUATION_KIND[byte] as number);
      case CHARACTER_DOUBLE_QUOTE:
        return this.readQuoted(index + 1, false);
      case CHARACTER_DOT:
        return this.readDot(index);
      case CHARACTER_DOLLAR:
        return this.readDollar(index);
      case CHARACTER_OPERATOR:
        return this.readOperator(index, byte);
      case CHARACTER_DIGIT:
        this.end = numberEnd(bytes, index);
        return (this.kind = TOKEN_NUMBER);
      case CHARACTER_QUOTE:
        return this.readString(index + 1, STRING_PLAIN, isAfterEscapeString);
      case CHARACTER_COLON:
        return this.readColon(index);
      default:
        if (byte !== 0) return this.readShort(index, index + 1, TOKEN_OTHER);
        this.end = index;
        return (this.kind = TOKEN_END);
    }
  }

  /** Whether nothing follows but a semicolon at most. */
  isAtEnd(): boolean {
    const byte = this.bytes[this.end];
    return byte === 0 || (byte === SEMICOLON && this.bytes[this.end + 1] === 0);
  }

  /** Whether `::` is the next token behind `end`: looked at without moving. */
  isFollowedByCast(end: number): boolean {
    const index = this.gapEndBehind(end);
    return this.bytes[index] === COLON && this.bytes[index + 1] === COLON;
  }

  /** Where the token behind this one starts. */
  followingStart(): number {
    return this.gapEndBehind(this.end);
  }

  private gapEndBehind(end: number): number {
    const comments = this.comments;
    this.comments = undefined;
    const index = this.gapEnd(end);
    this.comments = comments;
    return index;
  }

  /** Whether the token holds a dollar sign. */
  hasDollar(): boolean {
    for (let index = this.start; index < this.end; index += 1) {
      if (this.bytes[index] === DOLLAR) return true;
    }
    return false;
  }

  byteAt(index: number): number {
    return this.bytes[index] as number;
  }

  /** Skips white space and comments. */
  private gapEnd(start: number): number {
    const bytes = this.bytes;
    let index = start;
    for (;;) {
      const byte = bytes[index] as number;
      const commentStart = index;
      if (CHARACTER_CLASS[byte] === CHARACTER_SPACE) {
        index += 1;
        continue;
      }
      if (byte === MINUS && bytes[index + 1] === MINUS) index = skipLineComment(bytes, index);
      else if (byte === SLASH && bytes[index + 1] === STAR) index = skipBlockComment(bytes, index);
      else return index;
      this.comments?.push(commentStart, index);
    }
  }

  private readWord(start: number, firstByte: number): number {
    const bytes = this.bytes;
    let index = start + 1;
    while (CONTINUES_NAME[bytes[index] as number] === 1) index += 1;
    if (index - start === 1) {
      const following = bytes[index] as number;
      if (following === QUOTE || following === AMPERSAND) {
        const kind = this.readPrefixed(start, firstByte | 0x20, following);
        if (kind !== TOKEN_END) return kind;
      }
    }
    this.isAfterEscapeString = false;
    this.end = index;
    hashBytes(this.view, start, index, true, this);
    this.keyword = keywordEntry(this.word1, this.word2);
    return (this.kind = TOKEN_WORD);
  }

  /** `E'`, `B'`, `X'`, `N'`, `U&'` or `U&"`; anything else gives {@link TOKEN.end}. */
  private readPrefixed(start: number, letter: number, following: number): number {
    if (following === QUOTE) {
      switch (letter) {
        case 0x65:
          return this.readString(start + 2, STRING_ESCAPE, false);
        case 0x62:
        case 0x78:
          return this.readString(start + 2, STRING_BITS, false);
        case 0x6e:
          return this.readString(start + 2, STRING_PLAIN, false);
        default:
          return TOKEN_END;
      }
    }
    if (letter !== 0x75) return TOKEN_END;
    const quote = this.bytes[start + 2];
    if (quote === QUOTE) return this.readString(start + 3, STRING_UNICODE, false);
    return quote === DOUBLE_QUOTE ? this.readQuoted(start + 3, true) : TOKEN_END;
  }

  private readQuoted(bodyStart: number, isUnicode: boolean): number {
    const bytes = this.bytes;
    this.isAfterEscapeString = false;
    let index = bodyStart;
    let unquotable = 1;
    for (;;) {
      const byte = bytes[index] as number;
      if (byte === DOUBLE_QUOTE) {
        if (bytes[index + 1] !== DOUBLE_QUOTE) break;
        index += 1;
      } else if (byte === 0) {
        this.end = index;
        return (this.kind = TOKEN_UNTERMINATED);
      }
      unquotable &= UNQUOTABLE[byte] as number;
      index += 1;
    }
    this.end = index + 1;
    this.isUnicode = isUnicode;
    this.kind = TOKEN_QUOTED;
    hashBytes(this.view, bodyStart, index, false, this);
    const needsQuotes =
      unquotable === 0 ||
      CHARACTER_CLASS[bytes[bodyStart] as number] !== CHARACTER_LETTER ||
      keywordEntry(this.word1, this.word2) !== 0;
    if (needsQuotes) {
      const code = isUnicode ? UNICODE_QUOTED_CODE : QUOTED_CODE;
      this.word1 = mix1(this.word1, code);
      this.word2 = mix2(this.word2, code);
    }
    return TOKEN_QUOTED;
  }

  private readString(bodyStart: number, stringKind: number, isAfterEscapeString: boolean): number {
    const bytes = this.bytes;
    this.stringKind = stringKind;
    this.kind = TOKEN_STRING;
    const backslash = this.backslash;
    const isEscape =
      stringKind === STRING_ESCAPE ||
      (stringKind === STRING_PLAIN && backslash === BACKSLASH_ESCAPES);
    this.isAfterEscapeString = isEscape;
    this.end = stringEnd(bytes, bodyStart, isEscape ? STRING_ESCAPE : stringKind);
    if (isEscape || stringKind !== STRING_PLAIN || this.isSingleReading) return TOKEN_STRING;
    // A string after an E'…' may be its continuation, comments between them or not.
    if (backslash === BACKSLASH_UNKNOWN || isAfterEscapeString) {
      this.end = this.reconcile(this.end, stringEnd(bytes, bodyStart, STRING_ESCAPE));
    }
    return TOKEN_STRING;
  }

  /**
   * Where the readings with and without backslash escapes agree again on where a token starts;
   * one ends the string at `ordinaryEnd`, the other at `escapedEnd`.
   */
  private reconcile(ordinaryEnd: number, escapedEnd: number): number {
    if (ordinaryEnd === escapedEnd) return ordinaryEnd;
    const escapes = this.backslash === BACKSLASH_UNKNOWN ? BACKSLASH_ESCAPES : BACKSLASH_ORDINARY;
    let behind = this.probe(ordinaryEnd, BACKSLASH_ORDINARY);
    let ahead = this.probe(escapedEnd, escapes);
    let unionEnd = Math.max(ordinaryEnd, escapedEnd);
    behind.next();
    ahead.next();
    while (behind.start !== ahead.start) {
      if (behind.start > ahead.start) [behind, ahead] = [ahead, behind];
      unionEnd = Math.max(unionEnd, behind.end);
      behind.next();
    }
    return Math.min(unionEnd, behind.start);
  }

  private probe(position: number, backslash: number): Lexer {
    const probe = new Lexer();
    probe.reset({ bytes: this.bytes, view: this.view }, this.placeholders, backslash);
    probe.isSingleReading = true;
    probe.seek(position);
    return probe;
  }

  private readDollar(start: number): number {
    const bytes = this.bytes;
    let index = start + 1;
    let byte = bytes[index] as number;
    if (CHARACTER_CLASS[byte] === CHARACTER_DIGIT) {
      const isCanonical = byte !== ZERO;
      let value = 0;
      while (CHARACTER_CLASS[byte] === CHARACTER_DIGIT) {
        value = (value * 10 + byte - ZERO) | 0;
        byte = bytes[(index += 1)] as number;
      }
      this.end = index;
      const isShort = index - start - 1 <= PARAMETER_DIGITS_MAX;
      this.parameterNumber = isCanonical && isShort ? value : -1;
      return (this.kind = TOKEN_PARAMETER);
    }
    index = nameEnd(bytes, index);
    if (bytes[index] !== DOLLAR) return this.readShort(start, start + 1, TOKEN_OTHER);
    this.stringKind = STRING_DOLLAR;
    this.end = dollarEnd(bytes, start, index + 1);
    return (this.kind = TOKEN_STRING);
  }

  private readOperator(start: number, firstByte: number): number {
    const bytes = this.bytes;
    if (this.placeholders !== 'dollar') {
      const end = placeholderEnd(bytes, start, firstByte, this.placeholders);
      if (end > 0) return this.readNamedParameter(end);
    }
    const following = bytes[start + 1] as number;
    if (CHARACTER_CLASS[following] !== CHARACTER_OPERATOR) {
      return this.readShort(start, start + 1, TOKEN_OPERATOR);
    }
    const end = this.run.operatorEnd(bytes, start, this.placeholders);
    this.readShort(start, end, TOKEN_OPERATOR);
    if (end - start === 2 && firstByte === EXCLAMATION_MARK && following === EQUALS) {
      this.word1 = NOT_EQUALS_CODE;
      this.word2 = NOT_EQUALS_CODE;
    }
    return TOKEN_OPERATOR;
  }

  private readNamedParameter(end: number): number {
    this.end = end;
    this.parameterNumber = -1;
    return (this.kind = TOKEN_PARAMETER);
  }

  private readColon(start: number): number {
    const following = this.bytes[start + 1] as number;
    if (following === COLON) return this.readShort(start, start + 2, TOKEN_CAST);
    if (following === EQUALS) return this.readShort(start, start + 2, TOKEN_OPERATOR);
    if (this.placeholders === 'named' && CHARACTER_CLASS[following] === CHARACTER_LETTER) {
      return this.readNamedParameter(nameEnd(this.bytes, start + 1));
    }
    return this.readShort(start, start + 1, TOKEN_COLON);
  }

  private readDot(start: number): number {
    const bytes = this.bytes;
    const following = bytes[start + 1] as number;
    if (following === DOT) return this.readShort(start, start + 2, TOKEN_OPERATOR);
    if (CHARACTER_CLASS[following] === CHARACTER_DIGIT) {
      this.end = exponentEnd(bytes, start + 1);
      return (this.kind = TOKEN_NUMBER);
    }
    this.end = start + 1;
    return (this.kind = TOKEN_DOT);
  }

  /** A token that is hashed as its characters: up to three in one word. */
  private readShort(start: number, end: number, kind: number): number {
    const bytes = this.bytes;
    this.end = end;
    if (end - start <= 3) {
      let group = bytes[start] as number;
      if (end - start > 1) group |= (bytes[start + 1] as number) << 8;
      if (end - start > 2) group |= (bytes[start + 2] as number) << 16;
      this.word1 = group;
      this.word2 = group;
    } else {
      hashBytes(this.view, start, end, false, this);
    }
    return (this.kind = kind);
  }
}
