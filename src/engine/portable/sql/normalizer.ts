/**
 * Normalised text and fingerprint of a statement, in one pass over its tokens.
 *
 * Two decisions need what comes later: whether a minus belongs to a number, and whether a list
 * holds literals only. Both are taken by going on as if not, and returning to a checkpoint when
 * it turns out so. Plain tokens and plain lists take faster paths of their own, to the same end.
 */
import type { NormalizedSql, NormalizeOptions } from '../../../types/sql.ts';
import { hashBytes, LITERAL_CODE, OTHER_CODE } from './fingerprint.ts';
import { WORD, WORD_KEYWORD, WORD_MASK, WORD_SIGNED } from './keywords.ts';
import { LIST, SIGN, STEP } from './list.ts';
import { Checkpoint, Machine } from './machine.ts';
import { endsLikeMark, readCutMark, readUnparsed } from './marks.ts';
import { readPlainList } from './plain-list.ts';
import { readPlainTokens } from './plain.ts';
import { SqlSource } from './source.ts';
import { AFTER, afterKeyword, SETTING, UNICODE } from './states.ts';
import { skipsEscape, skipsSetting, steer } from './steering.ts';
import { STRING } from './strings.ts';
import { BACKSLASH, GAP, TOKEN } from './tokens.ts';

const NO_LENGTHS: readonly number[] = Object.freeze([]);

/** Those of a placeholder, a semicolon, and the spaces before both. */
const PLACEHOLDER_BYTES_MAX = 16;

/** The `…` of a folded list: a word, to the scanner. */
const REST = { word1: 0, word2: 0 };
const REST_SOURCE = new SqlSource();
REST_SOURCE.load('…');
hashBytes(REST_SOURCE.view, 0, 3, true, REST);

const PLUS = 0x2b;
const MINUS = 0x2d;
const EQUALS = 0x3d;

// V8 knows the value of a constant of this module only, not that of an imported object.
const {
  cast: TOKEN_CAST,
  close: TOKEN_CLOSE,
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
const { none: GAP_NONE, other: GAP_OTHER } = GAP;
const {
  array: WORD_ARRAY,
  constant: WORD_CONSTANT,
  in: WORD_IN,
  none: WORD_NONE,
  onNull: WORD_ON_NULL,
  operator: WORD_OPERATOR,
  values: WORD_VALUES,
} = WORD;
const { array: LIST_ARRAY, in: LIST_IN, none: LIST_NONE, values: LIST_VALUES } = LIST;
const { fails: STEP_FAILS } = STEP;
const { minus: SIGN_MINUS, plus: SIGN_PLUS } = SIGN;
const { unicode: STRING_UNICODE } = STRING;
const {
  escapes: BACKSLASH_ESCAPES,
  ordinary: BACKSLASH_ORDINARY,
  unknown: BACKSLASH_UNKNOWN,
} = BACKSLASH;
const { name: AFTER_NAME, operand: AFTER_OPERAND, operator: AFTER_OPERATOR } = AFTER;
const { name: SETTING_NAME, none: SETTING_NONE, start: SETTING_START } = SETTING;
const { name: UNICODE_NAME, none: UNICODE_NONE, string: UNICODE_STRING } = UNICODE;

export class Normalizer extends Machine {
  private semicolonStart = 0;
  private semicolonGap = 0;

  private readonly beforeMinus = new Checkpoint();

  /** @param source and `readsPlainly` are for tests: see {@link Machine}. */
  constructor(source: SqlSource = new SqlSource(), readsPlainly = true) {
    super(source, readsPlainly);
  }

  normalize(sql: string, options: NormalizeOptions | undefined): NormalizedSql {
    const isMarked = endsLikeMark(sql);
    const unparsed = isMarked ? readUnparsed(sql) : undefined;
    if (unparsed !== undefined) {
      return { text: sql, fingerprint: unparsed, listLengths: NO_LENGTHS };
    }
    const marked = isMarked ? readCutMark(sql) : undefined;
    this.reset(marked === undefined ? sql : marked.source, options);
    this.isCutSource = marked !== undefined;
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
    this.releaseList();
  }

  private read(): void {
    const lexer = this.lexer;
    for (;;) {
      readPlainTokens(this);
      if (this.minusCount === 0 && lexer.isAtEnd()) return;
      const kind = lexer.next();
      if (kind === TOKEN_END) return;
      if (kind === TOKEN_SEMICOLON) {
        this.readSemicolon();
        continue;
      }
      if (this.lastKind === TOKEN_END) lexer.gap = GAP_NONE;
      if (this.hasSemicolon) this.writeSemicolon();
      if (this.minusCount !== 0) this.settleMinus(kind);
      if (this.setting >= SETTING_START && skipsSetting(this, kind)) continue;
      if (this.unicode !== UNICODE_NONE && skipsEscape(this, kind)) continue;
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
    if (this.list.kind !== LIST_NONE) this.readListName(entry, this.isRest());
    if (this.isStatementStart || this.setting !== SETTING_NONE) steer(this, entry);
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
    if (this.list.kind !== LIST_NONE) this.readListName(0, false);
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
        if (lastWord === WORD_IN) {
          if (this.readsList(LIST_IN)) return;
        } else if (lastWord === WORD_VALUES) {
          if (this.readsList(LIST_VALUES)) return;
        } else if (lastWord === WORD_OPERATOR) this.isOperatorName = true;
        break;
      case TOKEN_OPEN_BRACKET:
        // Not `int ARRAY[4]`, the type of an element.
        if (lastWord === WORD_ARRAY && !this.list.isInDimension() && this.readsList(LIST_ARRAY))
          return;
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

  /** Reads the list that this bracket opens, if it is plain; opens it otherwise. */
  private readsList(list: number): boolean {
    const lexer = this.lexer;
    const isPlain = this.readsPlainly && this.setting === SETTING_NONE && !this.isOperatorName;
    const end = isPlain ? readPlainList(this, list, lexer.start, lexer.gap) : 0;
    if (end === 0) {
      this.openList(list);
      return false;
    }
    lexer.seekPast(end);
    this.after = AFTER_OPERAND;
    this.lastWord = WORD_NONE;
    this.isStatementStart = false;
    return true;
  }

  private readListName(entry: number, isRest: boolean): void {
    this.take(this.list.name(entry, isRest, this.lexer.word1, this.lexer.word2));
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
    if (kind === TOKEN_NUMBER && !lexer.isFollowedByCast(lexer.end)) {
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
}
