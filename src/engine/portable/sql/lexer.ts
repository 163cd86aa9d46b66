/**
 * PostgreSQL's scanner as a state machine: one pass, no recursion, no allocation for a token.
 *
 * Offsets are UTF-16 units of the text given. Every loop moves forward through text that no
 * other loop of the same kind sees again, so that the work is linear in the input.
 */
import type { PlaceholderStyle } from '../../../types/sql.ts';
import { CHARACTER, CHARACTER_CLASS, FOLDED, UNQUOTABLE } from './characters.ts';
import {
  mix1,
  mix2,
  QUOTED_CODE,
  UNICODE_QUOTED_CODE,
  WORD_SEED_1,
  WORD_SEED_2,
} from './fingerprint.ts';
import { keywordEntry } from './keywords.ts';
import { hashUtf8 } from './utf8.ts';

export const TOKEN = {
  end: 0,
  /** Keyword or identifier without quotes. */
  word: 1,
  quoted: 2,
  number: 3,
  string: 4,
  parameter: 5,
  operator: 6,
  open: 7,
  close: 8,
  openBracket: 9,
  closeBracket: 10,
  comma: 11,
  semicolon: 12,
  dot: 13,
  colon: 14,
  /** `::` */
  cast: 15,
  other: 16,
  /** A quoted identifier without its end; a string without its end is a string. */
  unterminated: 17,
} as const;

/** What stands between a token and the one before it. */
export const GAP = { none: 0, oneSpace: 1, other: 2 } as const;

/** How the body of a string is read. */
export const STRING = { plain: 0, escape: 1, bits: 2, unicode: 3, dollar: 4 } as const;

/** The server's `standard_conforming_strings`. */
export const BACKSLASH = { unknown: 0, ordinary: 1, escapes: 2 } as const;

const QUOTE = 39;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const PERCENT = 37;
const OPEN_PARENTHESIS = 40;
const CLOSE_PARENTHESIS = 41;
const STAR = 42;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const COLON = 58;
const SPACE = 32;
const UNDERSCORE = 95;
const QUESTION_MARK = 63;
const BACKSLASH_UNIT = 92;

const PUNCTUATION: ReadonlyMap<number, number> = new Map([
  [40, TOKEN.open],
  [41, TOKEN.close],
  [91, TOKEN.openBracket],
  [93, TOKEN.closeBracket],
  [44, TOKEN.comma],
  [59, TOKEN.semicolon],
]);
const PUNCTUATION_KIND = new Uint8Array(128);
for (const [unit, kind] of PUNCTUATION) PUNCTUATION_KIND[unit] = kind;

/** 1 for the characters that let an operator end in `+` or `-`. */
const QUALIFYING = new Uint8Array(128);
for (const character of '~!@#^&|`?%') QUALIFYING[character.charCodeAt(0)] = 1;

function classOf(unit: number): number {
  if (unit < 128) return CHARACTER_CLASS[unit] as number;
  // NaN, past the end of the text, is no letter.
  return unit >= 128 ? CHARACTER.letter : CHARACTER.other;
}

function continuesIdentifier(unit: number): boolean {
  return unit < 128 ? FOLDED[unit] !== 0 : unit >= 128;
}

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}

function isRadixDigit(unit: number, radix: number): boolean {
  if (unit >= 48 && unit <= 57) return unit - 48 < radix;
  if (radix !== 16) return false;
  const lower = unit | 32;
  return lower >= 97 && lower <= 102;
}

function radixOf(unit: number): number {
  switch (unit | 32) {
    case 120:
      return 16;
    case 111:
      return 8;
    case 98:
      return 2;
    default:
      return 0;
  }
}

export class Lexer {
  #sql = '';
  /** Where the text ends for PostgreSQL: at the first NUL. */
  length = 0;

  kind: number = TOKEN.end;
  start = 0;
  end = 0;
  gap: number = GAP.none;
  /** Of a word, quoted identifier or operator. */
  word1 = 0;
  word2 = 0;
  /** What is known of a word without quotes; 0 for no keyword. */
  keyword = 0;
  /** Bytes that the token has in UTF-8 beyond its UTF-16 units. */
  extraBytes = 0;
  /** The n of `$n`, if written as `String(n)` would; otherwise -1. */
  parameterNumber = -1;
  stringKind: number = STRING.plain;
  /** A `U&"…"` identifier, which a UESCAPE may follow. */
  isUnicode = false;
  /** Takes every string as the server's setting says, doubts aside. */
  isSingleReading = false;
  /** Gets the start and end of every comment, where set. */
  comments: number[] | undefined;

  #placeholders: PlaceholderStyle = 'dollar';
  #backslash: number = BACKSLASH.unknown;
  #nextBackslash = -1;
  // The run of operator characters that the last operator was cut from.
  #runEnd = -1;
  #runLastQualifying = -1;
  #runTail = -1;
  #isAfterEscapeString = false;

  reset(sql: string, placeholders: PlaceholderStyle, backslash: number): void {
    const nul = sql.indexOf('\0');
    this.length = nul < 0 ? sql.length : nul;
    this.#sql = sql;
    this.#placeholders = placeholders;
    this.#backslash = backslash;
    this.#nextBackslash = -1;
    this.isSingleReading = false;
    this.comments = undefined;
    this.seek(0);
  }

  /** Leaves no reference to the text behind. */
  release(): void {
    this.#sql = '';
  }

  unitAt(index: number): number {
    return this.#sql.charCodeAt(index);
  }

  /** Whether the token holds a dollar sign. */
  hasDollar(): boolean {
    for (let index = this.start; index < this.end; index += 1) {
      if (this.#sql.charCodeAt(index) === DOLLAR) return true;
    }
    return false;
  }

  seek(position: number): void {
    this.kind = TOKEN.end;
    this.start = position;
    this.end = position;
    this.#runEnd = -1;
    this.#isAfterEscapeString = false;
  }

  /** Reads the next token into the fields of this object. */
  next(): number {
    const sql = this.#sql;
    const length = this.length;
    const gapStart = this.end;
    let index = gapStart;
    let unit = 0;
    let characterClass: number = CHARACTER.other;
    for (;;) {
      if (index >= length) {
        this.start = length;
        this.end = length;
        this.gap = index === gapStart ? GAP.none : GAP.other;
        return (this.kind = TOKEN.end);
      }
      unit = sql.charCodeAt(index);
      characterClass = unit < 128 ? (CHARACTER_CLASS[unit] as number) : CHARACTER.letter;
      if (characterClass === CHARACTER.space) {
        index += 1;
        continue;
      }
      if (characterClass !== CHARACTER.operator) break;
      const following = unit === MINUS || unit === SLASH ? sql.charCodeAt(index + 1) : 0;
      if (unit === MINUS && following === MINUS) index = this.#skipLineComment(index);
      else if (unit === SLASH && following === STAR) index = this.#skipBlockComment(index);
      else break;
    }
    this.gap =
      index === gapStart
        ? GAP.none
        : index === gapStart + 1 && sql.charCodeAt(gapStart) === SPACE
          ? GAP.oneSpace
          : GAP.other;
    this.start = index;
    if (characterClass === CHARACTER.letter) return this.#readWord(index, unit);
    const isAfterEscapeString = this.#isAfterEscapeString;
    this.#isAfterEscapeString = false;
    switch (characterClass) {
      case CHARACTER.punctuation:
        this.end = index + 1;
        return (this.kind = PUNCTUATION_KIND[unit] as number);
      case CHARACTER.doubleQuote:
        return this.#readQuoted(index + 1, false);
      case CHARACTER.dot:
        return this.#readDot(index);
      case CHARACTER.dollar:
        return this.#readDollar(index);
      case CHARACTER.operator:
        return this.#readOperator(index, unit);
      case CHARACTER.digit:
        this.end = this.#numberEnd(index);
        return (this.kind = TOKEN.number);
      case CHARACTER.quote:
        return this.#readString(index + 1, STRING.plain, isAfterEscapeString);
      case CHARACTER.colon:
        return this.#readColon(index);
      default:
        return this.#readShort(index, index + 1, TOKEN.other);
    }
  }

  /** Whether `::` is the next token: looked at without moving. */
  isFollowedByCast(): boolean {
    const sql = this.#sql;
    let index = this.end;
    for (;;) {
      const unit = sql.charCodeAt(index);
      if (unit === COLON) return sql.charCodeAt(index + 1) === COLON;
      if (index >= this.length) return false;
      if (classOf(unit) === CHARACTER.space) {
        index += 1;
        continue;
      }
      const following = unit === MINUS || unit === SLASH ? sql.charCodeAt(index + 1) : 0;
      const comments = this.comments;
      this.comments = undefined;
      const before = index;
      if (unit === MINUS && following === MINUS) index = this.#skipLineComment(index);
      else if (unit === SLASH && following === STAR) index = this.#skipBlockComment(index);
      this.comments = comments;
      if (index === before) return false;
    }
  }

  #skipLineComment(start: number): number {
    const sql = this.#sql;
    let index = start + 2;
    while (index < this.length) {
      const unit = sql.charCodeAt(index);
      if (unit === 10 || unit === 13) break;
      index += 1;
    }
    this.comments?.push(start, index);
    return index;
  }

  #skipBlockComment(start: number): number {
    const sql = this.#sql;
    let index = start + 2;
    let depth = 1;
    while (depth > 0 && index < this.length) {
      const unit = sql.charCodeAt(index);
      if (unit === STAR && sql.charCodeAt(index + 1) === SLASH) {
        depth -= 1;
        index += 2;
      } else if (unit === SLASH && sql.charCodeAt(index + 1) === STAR) {
        depth += 1;
        index += 2;
      } else {
        index += 1;
      }
    }
    const end = Math.min(index, this.length);
    this.comments?.push(start, end);
    return end;
  }

  #readWord(start: number, firstUnit: number): number {
    const sql = this.#sql;
    let index = start;
    let unit = firstUnit;
    let hash1 = WORD_SEED_1;
    let hash2 = WORD_SEED_2;
    let group = 0;
    let shift = 0;
    let folded = unit < 128 ? (FOLDED[unit] as number) : 0;
    while (folded !== 0) {
      group |= folded << shift;
      if (shift === 24) {
        hash1 = mix1(hash1, group);
        hash2 = mix2(hash2, group);
        group = 0;
        shift = 0;
      } else {
        shift += 8;
      }
      index += 1;
      unit = index < this.length ? sql.charCodeAt(index) : 0;
      folded = unit < 128 ? (FOLDED[unit] as number) : 0;
    }
    if (unit >= 128) return this.#readForeignWord(start, index);
    if (shift !== 0) {
      hash1 = mix1(hash1, group);
      hash2 = mix2(hash2, group);
    }
    if (index - start === 1 && (unit === QUOTE || unit === 38)) {
      const kind = this.#readPrefixed(start, firstUnit | 32, unit);
      if (kind !== TOKEN.end) return kind;
    }
    this.#isAfterEscapeString = false;
    this.end = index;
    this.word1 = hash1;
    this.word2 = hash2;
    this.extraBytes = 0;
    this.keyword = keywordEntry(hash1, hash2);
    return (this.kind = TOKEN.word);
  }

  /** A word with characters beyond ASCII: no keyword, no prefix of a string. */
  #readForeignWord(start: number, foreignIndex: number): number {
    const sql = this.#sql;
    let index = foreignIndex;
    while (index < this.length && continuesIdentifier(sql.charCodeAt(index))) index += 1;
    this.#isAfterEscapeString = false;
    this.end = index;
    this.keyword = 0;
    hashUtf8(sql, start, index, true, this);
    return (this.kind = TOKEN.word);
  }

  /** `E'`, `B'`, `X'`, `N'`, `U&'` or `U&"`; anything else gives {@link TOKEN.end}. */
  #readPrefixed(start: number, letter: number, unit: number): number {
    if (unit === QUOTE) {
      switch (letter) {
        case 101:
          return this.#readString(start + 2, STRING.escape, false);
        case 98:
        case 120:
          return this.#readString(start + 2, STRING.bits, false);
        case 110:
          return this.#readString(start + 2, STRING.plain, false);
        default:
          return TOKEN.end;
      }
    }
    if (letter !== 117) return TOKEN.end;
    const following = this.#sql.charCodeAt(start + 2);
    if (following === QUOTE) return this.#readString(start + 3, STRING.unicode, false);
    if (following === DOUBLE_QUOTE) return this.#readQuoted(start + 3, true);
    return TOKEN.end;
  }

  #readQuoted(bodyStart: number, isUnicode: boolean): number {
    const sql = this.#sql;
    this.#isAfterEscapeString = false;
    let index = bodyStart;
    let hash1 = WORD_SEED_1;
    let hash2 = WORD_SEED_2;
    let group = 0;
    let shift = 0;
    let unquotable = 1;
    let isForeign = false;
    for (;;) {
      if (index >= this.length) {
        this.end = this.length;
        return (this.kind = TOKEN.unterminated);
      }
      const unit = sql.charCodeAt(index);
      if (unit === DOUBLE_QUOTE) {
        if (sql.charCodeAt(index + 1) !== DOUBLE_QUOTE) break;
        // The second quote of a doubled one is part of the body too.
        group |= unit << shift;
        if (shift === 24) {
          hash1 = mix1(hash1, group);
          hash2 = mix2(hash2, group);
          group = 0;
          shift = 0;
        } else {
          shift += 8;
        }
        index += 1;
        unquotable = 0;
      } else if (unit >= 128) {
        isForeign = true;
      } else {
        unquotable &= UNQUOTABLE[unit] as number;
      }
      group |= unit << shift;
      if (shift === 24) {
        hash1 = mix1(hash1, group);
        hash2 = mix2(hash2, group);
        group = 0;
        shift = 0;
      } else {
        shift += 8;
      }
      index += 1;
    }
    this.end = index + 1;
    this.isUnicode = isUnicode;
    this.kind = TOKEN.quoted;
    if (isForeign) {
      hashUtf8(sql, bodyStart, index, false, this);
    } else {
      if (shift !== 0) {
        hash1 = mix1(hash1, group);
        hash2 = mix2(hash2, group);
      }
      this.word1 = hash1;
      this.word2 = hash2;
      this.extraBytes = 0;
      if (
        unquotable === 1 &&
        index > bodyStart &&
        CHARACTER_CLASS[sql.charCodeAt(bodyStart)] === CHARACTER.letter &&
        keywordEntry(hash1, hash2) === 0
      ) {
        return TOKEN.quoted;
      }
    }
    const code = isUnicode ? UNICODE_QUOTED_CODE : QUOTED_CODE;
    this.word1 = mix1(this.word1, code);
    this.word2 = mix2(this.word2, code);
    return TOKEN.quoted;
  }

  #readString(bodyStart: number, stringKind: number, isAfterEscapeString: boolean): number {
    this.stringKind = stringKind;
    this.kind = TOKEN.string;
    this.#isAfterEscapeString = stringKind === STRING.escape;
    if (stringKind !== STRING.plain) {
      this.end = this.#stringEnd(bodyStart, stringKind);
      return TOKEN.string;
    }
    const backslash = this.#backslash;
    if (backslash === BACKSLASH.escapes) {
      this.end = this.#stringEnd(bodyStart, STRING.escape);
      this.#isAfterEscapeString = true;
      return TOKEN.string;
    }
    this.end = this.#stringEnd(bodyStart, STRING.plain);
    // A string after an E'…' may be its continuation, comments between them or not.
    const isDoubtful = backslash === BACKSLASH.unknown || isAfterEscapeString;
    if (isDoubtful && !this.isSingleReading && this.#hasBackslash(bodyStart, this.end)) {
      this.end = this.#reconcile(this.end, this.#stringEnd(bodyStart, STRING.escape));
    }
    return TOKEN.string;
  }

  #hasBackslash(start: number, end: number): boolean {
    if (this.#nextBackslash < start) {
      const found = this.#sql.indexOf('\\', start);
      this.#nextBackslash = found < 0 ? Infinity : found;
    }
    return this.#nextBackslash < end;
  }

  /**
   * Where the readings with and without backslash escapes agree again on where a token starts;
   * one ends the string at `ordinaryEnd`, the other at `escapedEnd`.
   */
  #reconcile(ordinaryEnd: number, escapedEnd: number): number {
    if (ordinaryEnd === escapedEnd) return ordinaryEnd;
    const escapes = this.#backslash === BACKSLASH.unknown ? BACKSLASH.escapes : BACKSLASH.ordinary;
    let behind = this.#probe(ordinaryEnd, BACKSLASH.ordinary);
    let ahead = this.#probe(escapedEnd, escapes);
    let unionEnd = Math.max(ordinaryEnd, escapedEnd);
    behind.next();
    ahead.next();
    while (behind.start !== ahead.start) {
      if (behind.start > ahead.start) [behind, ahead] = [ahead, behind];
      unionEnd = Math.max(unionEnd, behind.end);
      behind.next();
    }
    const meeting = behind.start;
    return unionEnd < meeting ? unionEnd : meeting;
  }

  #probe(position: number, backslash: number): Lexer {
    const probe = new Lexer();
    probe.#sql = this.#sql;
    probe.length = this.length;
    probe.#placeholders = this.#placeholders;
    probe.#backslash = backslash;
    probe.isSingleReading = true;
    probe.seek(position);
    return probe;
  }

  /** The end of a string, its continuations on later lines included. */
  #stringEnd(bodyStart: number, stringKind: number): number {
    const sql = this.#sql;
    const length = this.length;
    let index = bodyStart;
    for (;;) {
      if (stringKind === STRING.escape) {
        while (index < length) {
          const unit = sql.charCodeAt(index);
          if (unit === QUOTE) break;
          index += unit === BACKSLASH_UNIT ? 2 : 1;
        }
      } else {
        const found = sql.indexOf("'", index);
        index = found < 0 ? length : found;
      }
      if (index >= length) return length;
      index += 1;
      if (stringKind !== STRING.bits && sql.charCodeAt(index) === QUOTE) {
        index += 1;
        continue;
      }
      const continuation = this.#continuation(index);
      if (continuation < 0) return index;
      index = continuation;
    }
  }

  /** After a quote: white space with a newline in it, then a quote; -1 if it is not so. */
  #continuation(quoteEnd: number): number {
    const sql = this.#sql;
    let index = quoteEnd;
    let hasNewline = false;
    for (; index < this.length; index += 1) {
      const unit = sql.charCodeAt(index);
      if (classOf(unit) !== CHARACTER.space) {
        return hasNewline && unit === QUOTE ? index + 1 : -1;
      }
      if (unit === 10 || unit === 13) hasNewline = true;
    }
    return -1;
  }

  #readDollar(start: number): number {
    const sql = this.#sql;
    let index = start + 1;
    let unit = sql.charCodeAt(index);
    if (isDigit(unit)) {
      const isCanonical = unit !== ZERO;
      let value = 0;
      while (index < this.length && isDigit(unit)) {
        value = value * 10 + unit - ZERO;
        index += 1;
        unit = sql.charCodeAt(index);
      }
      this.end = index;
      this.parameterNumber = isCanonical && index - start < 10 ? value : -1;
      return (this.kind = TOKEN.parameter);
    }
    while (unit !== DOLLAR && continuesIdentifier(unit)) {
      index += 1;
      unit = sql.charCodeAt(index);
    }
    if (unit !== DOLLAR || index >= this.length) return this.#readShort(start, start + 1, TOKEN.other);
    this.stringKind = STRING.dollar;
    this.end = this.#dollarEnd(start, index + 1);
    return (this.kind = TOKEN.string);
  }

  /** The tag holds no dollar sign, so that what one comparison saw the next will not. */
  #dollarEnd(tagStart: number, bodyStart: number): number {
    const sql = this.#sql;
    const tagLength = bodyStart - tagStart;
    let index = sql.indexOf('$', bodyStart);
    while (index >= 0 && index + tagLength <= this.length) {
      let offset = 1;
      while (
        offset < tagLength &&
        sql.charCodeAt(index + offset) === sql.charCodeAt(tagStart + offset)
      ) {
        offset += 1;
      }
      if (offset === tagLength) return index + tagLength;
      index = sql.indexOf('$', index + offset);
    }
    return this.length;
  }

  #readOperator(start: number, firstUnit: number): number {
    if (this.#placeholders !== 'dollar') {
      const end = this.#placeholderEnd(start, firstUnit);
      if (end > 0) {
        this.end = end;
        this.parameterNumber = -1;
        return (this.kind = TOKEN.parameter);
      }
    }
    if (classOf(this.#sql.charCodeAt(start + 1)) !== CHARACTER.operator) {
      return this.#readShort(start, start + 1, TOKEN.operator);
    }
    if (start >= this.#runEnd) this.#measureRun(start);
    let end = this.#runEnd;
    if (end - start > 1) {
      const last = this.#sql.charCodeAt(end - 1);
      if ((last === PLUS || last === MINUS) && this.#runLastQualifying < start) {
        end = Math.max(start + 1, this.#runTail);
      }
    }
    if (end - start === 2 && firstUnit === 33 && this.#sql.charCodeAt(start + 1) === 61) {
      // != is <> by another name.
      this.#readShort(start, end, TOKEN.operator);
      this.word1 = this.word2 = 0x3e3c;
      return TOKEN.operator;
    }
    return this.#readShort(start, end, TOKEN.operator);
  }

  #measureRun(start: number): void {
    const sql = this.#sql;
    let index = start;
    let lastQualifying = -1;
    let tail = start;
    while (index < this.length) {
      const unit = sql.charCodeAt(index);
      if (classOf(unit) !== CHARACTER.operator) break;
      if (index > start) {
        const following = sql.charCodeAt(index + 1);
        if (unit === MINUS && following === MINUS) break;
        if (unit === SLASH && following === STAR) break;
        if (this.#placeholders !== 'dollar' && this.#placeholderEnd(index, unit) > 0) break;
      }
      if (QUALIFYING[unit] === 1) lastQualifying = index;
      if (unit !== PLUS && unit !== MINUS) tail = index + 1;
      index += 1;
      if (this.#isDoubledPlaceholder(unit, index)) index = tail = index + 1;
    }
    this.#runEnd = index;
    this.#runLastQualifying = lastQualifying;
    this.#runTail = tail;
  }

  /** `??` and `%%` stand for the operators `?` and `%` where these begin placeholders. */
  #isDoubledPlaceholder(unit: number, nextIndex: number): boolean {
    return (
      nextIndex < this.length &&
      this.#sql.charCodeAt(nextIndex) === unit &&
      ((unit === QUESTION_MARK && this.#placeholders === 'question') ||
        (unit === PERCENT && this.#placeholders === 'format'))
    );
  }

  /** The end of the `?`, `%s` or `%(name)s` at `start`; 0 where there is none. */
  #placeholderEnd(start: number, unit: number): number {
    const sql = this.#sql;
    const following = sql.charCodeAt(start + 1);
    if (unit === QUESTION_MARK && this.#placeholders === 'question') {
      return following === QUESTION_MARK ? 0 : start + 1;
    }
    if (unit !== PERCENT || this.#placeholders !== 'format') return 0;
    let index = start + 1;
    if (following === OPEN_PARENTHESIS) {
      index += 1;
      while (continuesIdentifier(sql.charCodeAt(index))) index += 1;
      if (index === start + 2 || sql.charCodeAt(index) !== CLOSE_PARENTHESIS) return 0;
      index += 1;
    }
    if (sql.charCodeAt(index) !== 115 || continuesIdentifier(sql.charCodeAt(index + 1))) return 0;
    return index + 1;
  }

  #readColon(start: number): number {
    const sql = this.#sql;
    const following = sql.charCodeAt(start + 1);
    if (following === COLON) return this.#readShort(start, start + 2, TOKEN.cast);
    if (following === 61) return this.#readShort(start, start + 2, TOKEN.operator);
    if (this.#placeholders === 'named' && classOf(following) === CHARACTER.letter) {
      let index = start + 2;
      let unit = sql.charCodeAt(index);
      while (unit !== DOLLAR && continuesIdentifier(unit)) {
        index += 1;
        unit = sql.charCodeAt(index);
      }
      this.end = index;
      this.parameterNumber = -1;
      return (this.kind = TOKEN.parameter);
    }
    return this.#readShort(start, start + 1, TOKEN.colon);
  }

  #readDot(start: number): number {
    const following = this.#sql.charCodeAt(start + 1);
    if (following === DOT) return this.#readShort(start, start + 2, TOKEN.operator);
    if (!isDigit(following)) return this.#readShort(start, start + 1, TOKEN.dot);
    this.end = this.#afterJunk(this.#exponentEnd(this.#decimalEnd(start + 1)));
    return (this.kind = TOKEN.number);
  }

  #numberEnd(start: number): number {
    const sql = this.#sql;
    const radix = sql.charCodeAt(start) === ZERO ? radixOf(sql.charCodeAt(start + 1)) : 0;
    if (radix !== 0) {
      const end = this.#radixEnd(start + 2, radix);
      if (end > start + 2) return this.#afterJunk(end);
    }
    let index = this.#decimalEnd(start);
    if (sql.charCodeAt(index) === DOT) {
      if (sql.charCodeAt(index + 1) === DOT) return index;
      index += 1;
      if (isDigit(sql.charCodeAt(index))) index = this.#decimalEnd(index);
    }
    return this.#afterJunk(this.#exponentEnd(index));
  }

  /** The end of the digits that start here, single underscores between them. */
  #decimalEnd(start: number): number {
    const sql = this.#sql;
    let index = start + 1;
    for (;;) {
      const unit = sql.charCodeAt(index);
      if (isDigit(unit)) index += 1;
      else if (unit === UNDERSCORE && isDigit(sql.charCodeAt(index + 1))) index += 2;
      else return index;
    }
  }

  #radixEnd(start: number, radix: number): number {
    const sql = this.#sql;
    let index = start;
    for (;;) {
      const unit = sql.charCodeAt(index);
      if (isRadixDigit(unit, radix)) index += 1;
      else if (unit === UNDERSCORE && isRadixDigit(sql.charCodeAt(index + 1), radix)) index += 2;
      else return index;
    }
  }

  #exponentEnd(start: number): number {
    const sql = this.#sql;
    if ((sql.charCodeAt(start) | 32) !== 101) return start;
    const sign = sql.charCodeAt(start + 1);
    const digits = sign === PLUS || sign === MINUS ? start + 2 : start + 1;
    return isDigit(sql.charCodeAt(digits)) ? this.#decimalEnd(digits) : start;
  }

  /** A number runs on into letters only by mistake: they are dropped with it. */
  #afterJunk(start: number): number {
    const sql = this.#sql;
    let index = start;
    if (classOf(sql.charCodeAt(index)) !== CHARACTER.letter) return index;
    while (index < this.length && continuesIdentifier(sql.charCodeAt(index))) index += 1;
    return index;
  }

  /** A token that is hashed as its characters: up to three in one word. */
  #readShort(start: number, end: number, kind: number): number {
    const sql = this.#sql;
    this.end = end;
    let group = sql.charCodeAt(start);
    if (end - start <= 3) {
      if (end - start > 1) group |= sql.charCodeAt(start + 1) << 8;
      if (end - start > 2) group |= sql.charCodeAt(start + 2) << 16;
      this.word1 = group;
      this.word2 = group;
    } else {
      hashUtf8(sql, start, end, false, this);
    }
    return (this.kind = kind);
  }
}
