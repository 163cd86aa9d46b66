/**
 * Normalised text and fingerprint of a statement, in one pass over its tokens.
 *
 * Two decisions need what comes later: whether a minus belongs to a number, and whether a list
 * holds literals only. Both are taken by going on as if not, and returning to a checkpoint when
 * it turns out so: nothing is read twice.
 */
import type { NormalizedSql, NormalizeOptions } from '../../../types/sql.ts';
import { CHARACTER, CHARACTER_CLASS, CONTINUES_NAME } from './characters.ts';
import {
  hashBytes,
  LIST_CODE,
  LITERAL_CODE,
  mix1,
  mix2,
  OTHER_CODE,
  StatementHash,
} from './fingerprint.ts';
import {
  keywordEntry,
  WORD,
  WORD_BEFORE_OPERAND,
  WORD_KEYWORD,
  WORD_MASK,
  WORD_SIGNED,
} from './keywords.ts';
import { BACKSLASH, GAP, Lexer, TOKEN } from './lexer.ts';
import { LIST, ListReader, SIGN, STEP } from './list.ts';
import { readCutMark, readUnparsed } from './marks.ts';
import { SqlSource } from './source.ts';
import { STRING } from './strings.ts';
import { NormalizedText, TextCheckpoint } from './text.ts';

/** The most lists of a statement whose lengths are kept. */
export const LIST_LENGTHS_MAX = 256;

/** What may come next, judged by what was last. */
const AFTER = {
  /** An operand: `-` is a sign, NULL a value. */
  operator: 0,
  operand: 1,
  /** IS: NULL, TRUE and FALSE are part of the operator. */
  is: 2,
  /** A NOT behind an operand or IS: `NOT NULL` is no value. */
  keptNot: 3,
  /** `ABSENT ON` and its kin. */
  keptOn: 4,
  /** A dot, `::`: a name, whatever keyword it looks like. */
  name: 5,
  /** AS: a name, or what a statement begins with. */
  as: 6,
} as const;

/** How far `SET name = value` or `ALTER ROLE … SET name TO value` has been read. */
const SETTING = { none: 0, alter: 1, configured: 2, set: 3, name: 4, start: 5, value: 6 } as const;

/** How far a `U&` token and its UESCAPE have been read. */
const UNICODE = { none: 0, string: 1, name: 2, stringEscape: 3, nameEscape: 4 } as const;

const NO_LENGTHS: readonly number[] = Object.freeze([]);

const PLACEHOLDERS = Array.from({ length: 64 }, (_, index) => `$${index}`);

/** Those of a placeholder, a semicolon, and the spaces before both. */
const PLACEHOLDER_BYTES_MAX = 16;

function placeholder(number: number): string {
  return PLACEHOLDERS[number] ?? `$${number}`;
}

class Checkpoint extends TextCheckpoint {
  lane1 = 0;
  lane2 = 0;
  placeholderCount = 0;
  lastKind = 0;
  gap = 0;
}

/** The `…` of a folded list: a word, to the scanner. */
const REST = { word1: 0, word2: 0 };
const REST_SOURCE = new SqlSource();
REST_SOURCE.load('…');
hashBytes(REST_SOURCE.view, 0, 3, true, REST);

const PLUS = 0x2b;
const MINUS = 0x2d;
const EQUALS = 0x3d;
const QUOTE = 0x27;
const SPACE = 0x20;
const AMPERSAND = 0x26;
const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;
const STAR = 0x2a;
const COMMA = 0x2c;
const DOT = 0x2e;
const ZERO = 0x30;
const LESS = 0x3c;
const GREATER = 0x3e;

/** Where {@link Normalizer} has names hashed. */
const NAME = { word1: 0, word2: 0 };

/** Kinds that run into each other where no space stands between: names and placeholders. */
const IS_NAME_LIKE = new Uint8Array(32);
for (const kind of [TOKEN.word, TOKEN.number, TOKEN.string, TOKEN.parameter, TOKEN.other]) {
  IS_NAME_LIKE[kind] = 1;
}

// V8 knows the value of a constant of this module only, not that of an imported object.
const {
  cast: TOKEN_CAST,
  close: TOKEN_CLOSE,
  comma: TOKEN_COMMA,
  closeBracket: TOKEN_CLOSE_BRACKET,
  dot: TOKEN_DOT,
  end: TOKEN_END,
  number: TOKEN_NUMBER,
  open: TOKEN_OPEN,
  openBracket: TOKEN_OPEN_BRACKET,
  operator: TOKEN_OPERATOR,
  other: TOKEN_OTHER,
  parameter: TOKEN_PARAMETER,
  quoted: TOKEN_QUOTED,
  semicolon: TOKEN_SEMICOLON,
  string: TOKEN_STRING,
  unterminated: TOKEN_UNTERMINATED,
  word: TOKEN_WORD,
} = TOKEN;
const {
  digit: CHARACTER_DIGIT,
  dollar: CHARACTER_DOLLAR,
  dot: CHARACTER_DOT,
  doubleQuote: CHARACTER_DOUBLE_QUOTE,
  letter: CHARACTER_LETTER,
  operator: CHARACTER_OPERATOR,
  punctuation: CHARACTER_PUNCTUATION,
} = CHARACTER;
const { none: GAP_NONE, oneSpace: GAP_ONE_SPACE, other: GAP_OTHER } = GAP;
const {
  alter: WORD_ALTER,
  array: WORD_ARRAY,
  as: WORD_AS,
  by: WORD_BY,
  configured: WORD_CONFIGURED,
  constant: WORD_CONSTANT,
  counting: WORD_COUNTING,
  default: WORD_DEFAULT,
  in: WORD_IN,
  infix: WORD_INFIX,
  is: WORD_IS,
  none: WORD_NONE,
  not: WORD_NOT,
  on: WORD_ON,
  onNull: WORD_ON_NULL,
  operator: WORD_OPERATOR,
  set: WORD_SET,
  sorted: WORD_SORTED,
  time: WORD_TIME,
  to: WORD_TO,
  uescape: WORD_UESCAPE,
  values: WORD_VALUES,
} = WORD;
const { array: LIST_ARRAY, in: LIST_IN, none: LIST_NONE, values: LIST_VALUES } = LIST;
const { afterFirst: STEP_AFTER_FIRST, fails: STEP_FAILS, folds: STEP_FOLDS } = STEP;
const { minus: SIGN_MINUS, plus: SIGN_PLUS } = SIGN;
const { unicode: STRING_UNICODE } = STRING;
const {
  escapes: BACKSLASH_ESCAPES,
  ordinary: BACKSLASH_ORDINARY,
  unknown: BACKSLASH_UNKNOWN,
} = BACKSLASH;
const {
  as: AFTER_AS,
  is: AFTER_IS,
  keptNot: AFTER_KEPT_NOT,
  keptOn: AFTER_KEPT_ON,
  name: AFTER_NAME,
  operand: AFTER_OPERAND,
  operator: AFTER_OPERATOR,
} = AFTER;
const {
  alter: SETTING_ALTER,
  configured: SETTING_CONFIGURED,
  name: SETTING_NAME,
  none: SETTING_NONE,
  set: SETTING_SET,
  start: SETTING_START,
  value: SETTING_VALUE,
} = SETTING;
const {
  name: UNICODE_NAME,
  nameEscape: UNICODE_NAME_ESCAPE,
  none: UNICODE_NONE,
  string: UNICODE_STRING,
  stringEscape: UNICODE_STRING_ESCAPE,
} = UNICODE;

/** What may follow a keyword that the normaliser knows more of. */
function afterKeyword(entry: number, after: number, lastWord: number, isSignNext: boolean): number {
  const usual = isSignNext || (entry & WORD_BEFORE_OPERAND) !== 0 ? AFTER_OPERATOR : AFTER_OPERAND;
  switch (entry & WORD_MASK) {
    case WORD_AS:
      return AFTER_AS;
    case WORD_IS:
      return AFTER_IS;
    case WORD_NOT:
      return after === AFTER_OPERAND || after === AFTER_IS ? AFTER_KEPT_NOT : AFTER_OPERATOR;
    case WORD_ON:
      return lastWord === WORD_ON_NULL ? AFTER_KEPT_ON : AFTER_OPERATOR;
    case WORD_BY:
      return lastWord === WORD_SORTED ? AFTER_OPERATOR : usual;
    case WORD_INFIX:
      return after === AFTER_OPERAND || after === AFTER_KEPT_NOT ? AFTER_OPERATOR : usual;
    default:
      return usual;
  }
}

export class Normalizer {
  private readonly source: SqlSource;
  private readonly lexer = new Lexer();
  private readonly text: NormalizedText;
  private readonly hash = new StatementHash();
  private readonly list = new ListReader();

  private placeholderCount = 0;
  private listLengths: number[] = [];
  private after: number = AFTER_OPERATOR;
  /** The kind of the last token that was written; {@link TOKEN.end} before the first. */
  private lastKind: number = TOKEN_END;
  /** Which of {@link WORD} the last token was. */
  private lastWord: number = WORD_NONE;
  private isOperatorName = false;
  private unicode: number = UNICODE_NONE;

  // What the first words of the statement told.
  private isStatementStart = true;
  private isCounting = false;
  private setting: number = SETTING_NONE;

  // A semicolon waits until something follows it.
  private hasSemicolon = false;
  private semicolonStart = 0;
  private semicolonGap = 0;

  // Signs that may turn out to belong to a number.
  private minusCount = 0;
  private readonly beforeMinus = new Checkpoint();

  // The open list: the hash before it, and everything after its first element.
  private listLane1 = 0;
  private listLane2 = 0;
  private readonly afterFirst = new Checkpoint();

  /** @param source tests count with it what is read. */
  constructor(source: SqlSource = new SqlSource()) {
    this.source = source;
    this.text = new NormalizedText(source);
  }

  normalize(sql: string, options: NormalizeOptions | undefined): NormalizedSql {
    const unparsed = readUnparsed(sql);
    if (unparsed !== undefined) {
      return { text: sql, fingerprint: unparsed, listLengths: NO_LENGTHS };
    }
    const marked = readCutMark(sql);
    this.reset(marked === undefined ? sql : marked.source, options);
    this.read();
    // The end of a text that was cut is not the end of its list.
    if (marked === undefined && this.list.kind === LIST_VALUES) {
      this.take(this.list.punctuation(TOKEN_END));
    }
    const fingerprint = marked === undefined ? this.hash.toHex() : marked.fingerprint;
    const text = this.source.isolate(this.text.finish(fingerprint, marked !== undefined));
    const listLengths = this.listLengths.length === 0 ? NO_LENGTHS : this.listLengths;
    this.release();
    return { text, fingerprint, listLengths };
  }

  private reset(sql: string, options: NormalizeOptions | undefined): void {
    const conforming = options?.standardConformingStrings;
    let backslash: number = BACKSLASH_UNKNOWN;
    if (conforming !== undefined) backslash = conforming ? BACKSLASH_ORDINARY : BACKSLASH_ESCAPES;
    this.source.load(sql);
    this.lexer.reset(this.source, options?.placeholders ?? 'dollar', backslash);
    this.text.reset();
    this.hash.reset();
    this.list.kind = LIST_NONE;
    this.placeholderCount = 0;
    this.lastKind = TOKEN_END;
    this.unicode = UNICODE_NONE;
    this.hasSemicolon = false;
    this.minusCount = 0;
    this.startStatement();
  }

  /** Lets go of the statement: this object lives on. */
  private release(): void {
    this.source.release();
    this.text.reset();
    this.beforeMinus.release();
    this.afterFirst.release();
    if (this.listLengths.length > 0) this.listLengths = [];
  }

  private startStatement(): void {
    this.after = AFTER_OPERATOR;
    this.lastWord = WORD_NONE;
    this.isOperatorName = false;
    this.isStatementStart = true;
    this.isCounting = false;
    this.setting = SETTING_NONE;
  }

  private read(): void {
    const lexer = this.lexer;
    for (;;) {
      this.readPlainTokens();
      const kind = lexer.next();
      if (kind === TOKEN_END) return;
      if (kind === TOKEN_SEMICOLON) {
        this.readSemicolon();
        continue;
      }
      if (this.lastKind === TOKEN_END) lexer.gap = GAP_NONE;
      if (this.hasSemicolon) this.writeSemicolon();
      if (this.minusCount !== 0) this.settleMinus(kind);
      if (this.setting >= SETTING_START && this.skipsSetting(kind)) continue;
      if (this.unicode !== UNICODE_NONE && this.skipsEscape(kind)) continue;
      switch (kind) {
        case TOKEN_WORD:
          this.readWord();
          break;
        case TOKEN_QUOTED:
          this.readQuoted();
          break;
        case TOKEN_NUMBER:
        case TOKEN_STRING:
        case TOKEN_UNTERMINATED:
          this.readLiteral();
          if (kind === TOKEN_STRING && lexer.stringKind === STRING_UNICODE) {
            this.unicode = UNICODE_STRING;
          }
          break;
        case TOKEN_PARAMETER:
          this.readParameter();
          break;
        case TOKEN_OPERATOR:
          this.readOperator();
          break;
        case TOKEN_OTHER:
          this.readOther();
          break;
        default:
          this.readPunctuation(kind);
      }
    }
  }

  /**
   * The tokens that most of a statement is made of: names, punctuation and parameters in their
   * order, a space between them at most. What `read` would do for each, with all that it touches
   * in local variables; stops before the first token that is anything else.
   */
  private readPlainTokens(): void {
    const lexer = this.lexer;
    const endMax = this.text.runEndMax(lexer.end);
    if (endMax === 0 || this.list.kind !== LIST_NONE || this.minusCount !== 0) return;
    if (this.setting !== SETTING_NONE || this.unicode !== UNICODE_NONE) return;
    if (this.isStatementStart || this.hasSemicolon || this.isCounting) return;
    if (this.isOperatorName) return;
    const { bytes, view } = this.source;
    const name = NAME;
    const firstPosition = lexer.end;
    let position = firstPosition;
    let lane1 = this.hash.lane1;
    let lane2 = this.hash.lane2;
    let after = this.after;
    let lastWord = this.lastWord;
    let lastKind = this.lastKind;
    for (;;) {
      const gap = bytes[position] === SPACE ? 1 : 0;
      const start = position + gap;
      if (start >= endMax) break;
      const byte = bytes[start] as number;
      const byteClass = CHARACTER_CLASS[byte] as number;
      if (byteClass === CHARACTER_LETTER) {
        let end = start + 1;
        while (CONTINUES_NAME[bytes[end] as number] === 1) end += 1;
        if (end - start === 1 && (bytes[end] === QUOTE || bytes[end] === AMPERSAND)) break;
        if (end > endMax || (gap === 0 && IS_NAME_LIKE[lastKind] === 1)) break;
        hashBytes(view, start, end, true, name);
        const entry = after === AFTER_NAME ? 0 : keywordEntry(name.word1, name.word2);
        if ((entry & ~WORD_KEYWORD) === 0) {
          after = AFTER_OPERAND;
          lastWord = WORD_NONE;
        } else {
          const word = entry & WORD_MASK;
          if (word === WORD_CONSTANT && after === AFTER_OPERATOR) break;
          after = afterKeyword(entry, after, lastWord, false);
          lastWord = word === WORD_CONSTANT ? WORD_ON_NULL : word;
        }
        lane1 = mix1(lane1, name.word1);
        lane2 = mix2(lane2, name.word2);
        lastKind = TOKEN_WORD;
        position = end;
        continue;
      }
      let code = 0;
      if (byteClass === CHARACTER_PUNCTUATION) {
        if (byte === COMMA) {
          code = TOKEN_COMMA;
          after = AFTER_OPERATOR;
        } else if (byte === OPEN_PARENTHESIS) {
          if (lastWord === WORD_IN || lastWord === WORD_VALUES || lastWord === WORD_OPERATOR) break;
          code = TOKEN_OPEN;
          after = AFTER_OPERATOR;
        } else if (byte === CLOSE_PARENTHESIS) {
          code = TOKEN_CLOSE;
          after = AFTER_OPERAND;
        } else {
          break;
        }
        lastKind = code;
        position = start + 1;
      } else if (byteClass === CHARACTER_DOUBLE_QUOTE) {
        const end = lexer.quotedEnd(start + 1);
        if (end === 0 || end > endMax) break;
        lane1 = mix1(lane1, lexer.word1);
        lane2 = mix2(lane2, lexer.word2);
        after = AFTER_OPERAND;
        lastWord = WORD_NONE;
        lastKind = TOKEN_QUOTED;
        position = end;
        continue;
      } else if (byteClass === CHARACTER_DOT) {
        const following = bytes[start + 1] as number;
        if (following === DOT || CHARACTER_CLASS[following] === CHARACTER_DIGIT) break;
        code = TOKEN_DOT;
        after = AFTER_NAME;
        lastKind = TOKEN_DOT;
        position = start + 1;
      } else if (byteClass === CHARACTER_OPERATOR) {
        // What may begin a comment, a sign or a placeholder is not for here.
        if (byte !== EQUALS && byte !== LESS && byte !== GREATER && byte !== STAR) break;
        if (CHARACTER_CLASS[bytes[start + 1] as number] === CHARACTER_OPERATOR) break;
        code = byte;
        after = AFTER_OPERATOR;
        lastKind = TOKEN_OPERATOR;
        position = start + 1;
      } else if (byteClass === CHARACTER_DOLLAR) {
        const number = this.placeholderCount + 1;
        const end = start + 2;
        if (number > 9 || bytes[start + 1] !== ZERO + number || end > endMax) break;
        if (gap === 0 && IS_NAME_LIKE[lastKind] === 1) break;
        if (CHARACTER_CLASS[bytes[end] as number] === CHARACTER_DIGIT) break;
        this.placeholderCount = number;
        code = LITERAL_CODE;
        after = AFTER_OPERAND;
        lastKind = TOKEN_PARAMETER;
        position = end;
      } else {
        break;
      }
      lane1 = mix1(lane1, code);
      lane2 = mix2(lane2, code);
      lastWord = WORD_NONE;
    }
    if (position === firstPosition) return;
    lexer.seekPast(position);
    this.text.extendRun(position);
    this.hash.lane1 = lane1;
    this.hash.lane2 = lane2;
    this.after = after;
    this.lastWord = lastWord;
    this.lastKind = lastKind;
  }

  private readWord(): void {
    const lexer = this.lexer;
    const gap = lexer.gap;
    const lastKind = this.lastKind;
    // `$1a$b` is a parameter and a name to the scanner; a name is never written so.
    if (lastKind === TOKEN_PARAMETER && gap === GAP_NONE && lexer.hasDollar()) return;
    const after = this.after;
    const entry = after === AFTER_NAME ? 0 : lexer.keyword;
    if ((entry & WORD_MASK) === WORD_CONSTANT && after === AFTER_OPERATOR) {
      this.readLiteral();
      return;
    }
    if (this.list.kind !== LIST_NONE) this.take(this.list.name(entry, this.isRest()));
    if (this.isStatementStart || this.setting !== SETTING_NONE) this.steer(entry);
    this.writeName();
    if ((entry & ~WORD_KEYWORD) === 0) {
      this.after = AFTER_OPERAND;
      this.lastWord = WORD_NONE;
    } else {
      const isSignNext = this.isCounting && (entry & WORD_SIGNED) !== 0;
      this.after = afterKeyword(entry, after, this.lastWord, isSignNext);
      const word = entry & WORD_MASK;
      this.lastWord = word === WORD_CONSTANT ? WORD_ON_NULL : word;
    }
  }

  private readQuoted(): void {
    if (this.list.kind !== LIST_NONE) this.take(this.list.name(0, false));
    this.isStatementStart = false;
    this.writeName();
    this.after = AFTER_OPERAND;
    this.lastWord = WORD_NONE;
    if (this.lexer.isUnicode) this.unicode = UNICODE_NAME;
  }

  private writeName(): void {
    const lexer = this.lexer;
    // A U&"…" begins with a letter.
    const isUnicode = lexer.kind === TOKEN_QUOTED && lexer.isUnicode;
    const gap = this.isFused(isUnicode ? TOKEN_WORD : lexer.kind) ? GAP_OTHER : lexer.gap;
    this.text.copy(lexer.start, lexer.end, gap);
    this.hash.addWord(lexer.word1, lexer.word2);
    this.lastKind = lexer.kind;
  }

  private readLiteral(): void {
    if (this.list.kind !== LIST_NONE) this.take(this.list.operand());
    this.writePlaceholder();
  }

  private writePlaceholder(): void {
    const lexer = this.lexer;
    const gap = this.isFused(TOKEN_PARAMETER) ? GAP_OTHER : lexer.gap;
    this.placeholderCount += 1;
    this.text.insert(placeholder(this.placeholderCount), gap, lexer.end);
    this.hash.addCode(LITERAL_CODE);
    this.after = AFTER_OPERAND;
    this.lastWord = WORD_NONE;
    this.lastKind = TOKEN_NUMBER;
  }

  private readParameter(): void {
    const lexer = this.lexer;
    // First, as it may fold a list, and so change the next number.
    if (this.list.kind !== LIST_NONE) this.take(this.list.operand());
    if (lexer.parameterNumber === this.placeholderCount + 1 && !this.isFused(TOKEN_PARAMETER)) {
      this.placeholderCount += 1;
      this.text.copy(lexer.start, lexer.end, lexer.gap);
      this.hash.addCode(LITERAL_CODE);
      this.after = AFTER_OPERAND;
      this.lastWord = WORD_NONE;
    } else {
      this.writePlaceholder();
    }
    this.lastKind = TOKEN_PARAMETER;
  }

  private readOperator(): void {
    const lexer = this.lexer;
    const operator = lexer.word1;
    if (operator === MINUS && this.after === AFTER_OPERATOR) {
      if (this.minusCount === 0) this.saveBeforeMinus();
      this.minusCount += 1;
    } else if (this.list.kind !== LIST_NONE) {
      this.take(
        operator === PLUS ? this.list.sign(SIGN_PLUS) : this.list.punctuation(TOKEN_OPERATOR),
      );
    }
    if (this.setting === SETTING_NAME && operator === EQUALS) this.setting = SETTING_START;
    this.text.copy(lexer.start, lexer.end, lexer.gap);
    this.hash.addWord(lexer.word1, lexer.word2);
    this.after = AFTER_OPERATOR;
    this.lastWord = WORD_NONE;
    this.lastKind = TOKEN_OPERATOR;
  }

  private readOther(): void {
    const lexer = this.lexer;
    if (this.list.kind !== LIST_NONE) this.take(this.list.punctuation(TOKEN_OTHER));
    const gap = this.isFused(TOKEN_OTHER) ? GAP_OTHER : lexer.gap;
    this.text.copy(lexer.start, lexer.end, gap);
    this.hash.addCode(lexer.word1 | OTHER_CODE);
    this.after = AFTER_OPERAND;
    this.lastWord = WORD_NONE;
    this.lastKind = TOKEN_OTHER;
  }

  private readPunctuation(kind: number): void {
    const lexer = this.lexer;
    const lastWord = this.lastWord;
    if (this.list.kind !== LIST_NONE) this.take(this.list.punctuation(kind));
    let after: number = AFTER_OPERATOR;
    switch (kind) {
      case TOKEN_OPEN:
        if (lastWord === WORD_IN) this.openList(LIST_IN);
        else if (lastWord === WORD_VALUES) this.openList(LIST_VALUES);
        else if (lastWord === WORD_OPERATOR) this.isOperatorName = true;
        break;
      case TOKEN_OPEN_BRACKET:
        if (lastWord === WORD_ARRAY) this.openList(LIST_ARRAY);
        break;
      case TOKEN_CLOSE:
        if (!this.isOperatorName) after = AFTER_OPERAND;
        this.isOperatorName = false;
        break;
      case TOKEN_CLOSE_BRACKET:
        after = AFTER_OPERAND;
        break;
      case TOKEN_DOT:
      case TOKEN_CAST:
        after = AFTER_NAME;
        break;
      default:
    }
    this.isStatementStart = false;
    this.text.copy(lexer.start, lexer.end, lexer.gap);
    this.hash.addCode(kind);
    this.after = after;
    this.lastWord = WORD_NONE;
    this.lastKind = kind;
  }

  /** Whether a token of this kind, written next without a space, would run into the last one. */
  private isFused(kind: number): boolean {
    return (
      this.lexer.gap === GAP_NONE && IS_NAME_LIKE[kind] === 1 && IS_NAME_LIKE[this.lastKind] === 1
    );
  }

  private isRest(): boolean {
    return this.lexer.word1 === REST.word1 && this.lexer.word2 === REST.word2;
  }

  private readSemicolon(): void {
    const lexer = this.lexer;
    this.settleMinus(TOKEN_SEMICOLON);
    this.unicode = UNICODE_NONE;
    if (this.list.kind !== LIST_NONE) this.take(this.list.punctuation(TOKEN_SEMICOLON));
    if (this.lastKind === TOKEN_END || this.hasSemicolon) return;
    this.hasSemicolon = true;
    this.semicolonStart = lexer.start;
    this.semicolonGap = lexer.gap;
  }

  private writeSemicolon(): void {
    const start = this.semicolonStart;
    // A text that was cut behind a semicolon would lose it when it is normalised again.
    this.text.keepTogether(this.lexer.end - this.lexer.start + PLACEHOLDER_BYTES_MAX);
    this.text.copy(start, start + 1, this.semicolonGap);
    this.hash.addCode(TOKEN_SEMICOLON);
    this.hasSemicolon = false;
    this.lastKind = TOKEN_SEMICOLON;
    this.startStatement();
  }

  private saveBeforeMinus(): void {
    const checkpoint = this.beforeMinus;
    this.text.save(checkpoint);
    checkpoint.lane1 = this.hash.lane1;
    checkpoint.lane2 = this.hash.lane2;
    checkpoint.lastKind = this.lastKind;
    checkpoint.gap = this.lexer.gap;
  }

  /** The minus signs before this token belong to it, or are operators. */
  private settleMinus(kind: number): void {
    const lexer = this.lexer;
    if (kind === TOKEN_OPERATOR && lexer.word1 === MINUS) return;
    const count = this.minusCount;
    this.minusCount = 0;
    if (kind === TOKEN_NUMBER && !lexer.isFollowedByCast()) {
      const checkpoint = this.beforeMinus;
      this.text.restore(checkpoint);
      this.hash.lane1 = checkpoint.lane1;
      this.hash.lane2 = checkpoint.lane2;
      this.lastKind = checkpoint.lastKind;
      lexer.gap = checkpoint.gap;
    } else if (this.list.kind !== LIST_NONE && count > 0) {
      this.take(count === 1 ? this.list.sign(SIGN_MINUS) : STEP_FAILS);
    }
  }

  private openList(kind: number): void {
    this.list.open(kind);
    this.listLane1 = this.hash.lane1;
    this.listLane2 = this.hash.lane2;
  }

  private take(step: number): void {
    switch (step) {
      case STEP_AFTER_FIRST: {
        this.text.save(this.afterFirst);
        this.afterFirst.placeholderCount = this.placeholderCount;
        break;
      }
      case STEP_FOLDS:
        this.foldList();
        break;
      case STEP_FAILS:
        this.list.kind = LIST_NONE;
        break;
      default:
    }
  }

  private foldList(): void {
    const list = this.list;
    const isArray = list.kind === LIST_ARRAY;
    const isOrdered = isArray && list.isMinusFirst && list.signs === (SIGN_PLUS | SIGN_MINUS);
    this.hash.lane1 = this.listLane1;
    this.hash.lane2 = this.listLane2;
    this.hash.addCode(LIST_CODE + list.width * 8 + (isOrdered ? 4 : 0) + list.signs);
    if (list.count > 1) {
      this.text.restore(this.afterFirst);
      this.placeholderCount = this.afterFirst.placeholderCount;
      const lexer = this.lexer;
      const sourceEnd = lexer.gap === GAP_ONE_SPACE ? lexer.start - 1 : lexer.start;
      const first = list.isMinusFirst ? SIGN_MINUS : SIGN_PLUS;
      this.writeSign(first, sourceEnd);
      this.writeSign(SIGN_PLUS + SIGN_MINUS - first, sourceEnd);
      this.text.insertRest(sourceEnd);
      this.lastKind = TOKEN_WORD;
    }
    if (this.listLengths.length < LIST_LENGTHS_MAX) this.listLengths.push(list.count);
    list.kind = LIST_NONE;
  }

  /** A sign that later elements keep, and the first does not, is shown by one of its own. */
  private writeSign(sign: number, sourceEnd: number): void {
    const list = this.list;
    if ((list.signs & ~list.firstSigns & sign) === 0) return;
    this.placeholderCount += 1;
    const signed = `${sign === SIGN_PLUS ? '+' : '-'}${placeholder(this.placeholderCount)}`;
    const element = list.kind === LIST_VALUES ? `, (${signed})` : `, ${signed}`;
    this.text.insert(element, GAP_NONE, sourceEnd);
  }

  /** Looks at the words that begin a statement for the few whose values are not literals. */
  private steer(entry: number): void {
    const word = entry & WORD_MASK;
    if (this.isStatementStart) {
      this.isStatementStart = false;
      if (word === WORD_SET) this.setting = SETTING_SET;
      if (word === WORD_ALTER) this.setting = SETTING_ALTER;
      this.isCounting = word === WORD_ALTER || word === WORD_COUNTING;
      return;
    }
    switch (this.setting) {
      case SETTING_ALTER:
        this.setting = word === WORD_CONFIGURED ? SETTING_CONFIGURED : SETTING_NONE;
        break;
      case SETTING_CONFIGURED:
        if (word === WORD_SET) this.setting = SETTING_SET;
        break;
      case SETTING_SET:
        this.setting = word === WORD_TIME ? SETTING_NONE : SETTING_NAME;
        break;
      case SETTING_NAME:
        if (word === WORD_TO) this.setting = SETTING_START;
        break;
      default:
    }
  }

  /** One placeholder stands for everything that a setting is set to. */
  private skipsSetting(kind: number): boolean {
    if (this.setting === SETTING_VALUE) return true;
    const isDefault = kind === TOKEN_WORD && (this.lexer.keyword & WORD_MASK) === WORD_DEFAULT;
    this.setting = isDefault ? SETTING_NONE : SETTING_VALUE;
    if (isDefault) return false;
    this.writePlaceholder();
    return true;
  }

  /** UESCAPE goes with its string, and belongs to the spelling of a name. */
  private skipsEscape(kind: number): boolean {
    const lexer = this.lexer;
    const unicode = this.unicode;
    this.unicode = UNICODE_NONE;
    if (unicode === UNICODE_STRING || unicode === UNICODE_NAME) {
      if (kind !== TOKEN_WORD || (lexer.keyword & WORD_MASK) !== WORD_UESCAPE) return false;
      this.unicode = unicode === UNICODE_STRING ? UNICODE_STRING_ESCAPE : UNICODE_NAME_ESCAPE;
      return unicode === UNICODE_STRING;
    }
    if (kind !== TOKEN_STRING) return false;
    if (unicode === UNICODE_STRING_ESCAPE) return true;
    if (lexer.end - lexer.start !== 3) return false;
    const escape = lexer.byteAt(lexer.start + 1);
    if (escape <= 0x20 || escape >= 0x7f || lexer.byteAt(lexer.start) !== QUOTE) return false;
    this.text.copy(lexer.start, lexer.end, lexer.gap);
    this.hash.addCode(escape | OTHER_CODE);
    this.after = AFTER_OPERAND;
    this.lastKind = TOKEN_QUOTED;
    return true;
  }
}
