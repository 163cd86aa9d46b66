/**
 * Normalised text and fingerprint of a statement, in one pass over its tokens.
 *
 * Two decisions need what comes later: whether a minus belongs to a number, and whether a list
 * holds literals only. Both are taken by going on as if not, and returning to a checkpoint when
 * it turns out so: nothing is read twice.
 */
import type { NormalizedSql, NormalizeOptions } from '../../../types/sql.ts';
import { hashBytes, LIST_CODE, LITERAL_CODE, OTHER_CODE, StatementHash } from './fingerprint.ts';
import { WORD, WORD_BEFORE_OPERAND, WORD_KEYWORD, WORD_MASK, WORD_SIGNED } from './keywords.ts';
import { BACKSLASH, GAP, Lexer, TOKEN } from './lexer.ts';
import { LIST, ListReader, SIGN, STEP } from './list.ts';
import { readCutMark, readUnparsed } from './marks.ts';
import { SqlSource } from './source.ts';
import { STRING } from './strings.ts';
import { NormalizedText, TextCheckpoint } from './text.ts';

/** The most lists of a statement whose lengths are kept. */
export const LIST_LENGTHS_MAX = 64;

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

/** Kinds that run into each other where no space stands between: names and placeholders. */
const IS_NAME_LIKE = new Uint8Array(32);
for (const kind of [TOKEN.word, TOKEN.number, TOKEN.string, TOKEN.parameter, TOKEN.other]) {
  IS_NAME_LIKE[kind] = 1;
}

export class Normalizer {
  readonly #source = new SqlSource();
  readonly #lexer = new Lexer();
  readonly #text = new NormalizedText(this.#source);
  readonly #hash = new StatementHash();
  readonly #list = new ListReader();

  #placeholderCount = 0;
  #listLengths: number[] = [];
  #after: number = AFTER.operator;
  /** The kind of the last token that was written; {@link TOKEN.end} before the first. */
  #lastKind: number = TOKEN.end;
  /** Which of {@link WORD} the last token was. */
  #lastWord: number = WORD.none;
  #isOperatorName = false;
  #unicode: number = UNICODE.none;

  // What the first words of the statement told.
  #isStatementStart = true;
  #isCounting = false;
  #setting: number = SETTING.none;

  // A semicolon waits until something follows it.
  #hasSemicolon = false;
  #semicolonStart = 0;
  #semicolonGap = 0;

  // Signs that may turn out to belong to a number.
  #minusCount = 0;
  readonly #beforeMinus = new Checkpoint();

  // The open list: the hash before it, and everything after its first element.
  #listLane1 = 0;
  #listLane2 = 0;
  readonly #afterFirst = new Checkpoint();

  normalize(sql: string, options: NormalizeOptions | undefined): NormalizedSql {
    const unparsed = readUnparsed(sql);
    if (unparsed !== undefined) {
      return { text: sql, fingerprint: unparsed, listLengths: NO_LENGTHS };
    }
    const marked = readCutMark(sql);
    this.#reset(marked === undefined ? sql : marked.source, options);
    this.#read();
    // The end of a text that was cut is not the end of its list.
    if (marked === undefined && this.#list.kind === LIST.values) {
      this.#take(this.#list.punctuation(TOKEN.end));
    }
    const fingerprint = marked === undefined ? this.#hash.toHex() : marked.fingerprint;
    const text = this.#source.isolate(this.#text.finish(fingerprint, marked !== undefined));
    const listLengths = this.#listLengths.length === 0 ? NO_LENGTHS : this.#listLengths;
    this.#release();
    return { text, fingerprint, listLengths };
  }

  #reset(sql: string, options: NormalizeOptions | undefined): void {
    const conforming = options?.standardConformingStrings;
    let backslash: number = BACKSLASH.unknown;
    if (conforming !== undefined) backslash = conforming ? BACKSLASH.ordinary : BACKSLASH.escapes;
    this.#source.load(sql);
    this.#lexer.reset(this.#source, options?.placeholders ?? 'dollar', backslash);
    this.#text.reset();
    this.#hash.reset();
    this.#list.kind = LIST.none;
    this.#placeholderCount = 0;
    this.#lastKind = TOKEN.end;
    this.#unicode = UNICODE.none;
    this.#hasSemicolon = false;
    this.#minusCount = 0;
    this.#startStatement();
  }

  /** Lets go of the statement: this object lives on. */
  #release(): void {
    this.#source.release();
    this.#text.reset();
    this.#beforeMinus.release();
    this.#afterFirst.release();
    if (this.#listLengths.length > 0) this.#listLengths = [];
  }

  #startStatement(): void {
    this.#after = AFTER.operator;
    this.#lastWord = WORD.none;
    this.#isOperatorName = false;
    this.#isStatementStart = true;
    this.#isCounting = false;
    this.#setting = SETTING.none;
  }

  #read(): void {
    const lexer = this.#lexer;
    for (;;) {
      const kind = lexer.next();
      if (kind === TOKEN.end) return;
      if (kind === TOKEN.semicolon) {
        this.#readSemicolon();
        continue;
      }
      if (this.#lastKind === TOKEN.end) lexer.gap = GAP.none;
      if (this.#hasSemicolon) this.#writeSemicolon();
      if (this.#minusCount !== 0) this.#settleMinus(kind);
      if (this.#setting >= SETTING.start && this.#skipsSetting(kind)) continue;
      if (this.#unicode !== UNICODE.none && this.#skipsEscape(kind)) continue;
      switch (kind) {
        case TOKEN.word:
          this.#readWord();
          break;
        case TOKEN.quoted:
          this.#readQuoted();
          break;
        case TOKEN.number:
        case TOKEN.string:
        case TOKEN.unterminated:
          this.#readLiteral();
          if (kind === TOKEN.string && lexer.stringKind === STRING.unicode) {
            this.#unicode = UNICODE.string;
          }
          break;
        case TOKEN.parameter:
          this.#readParameter();
          break;
        case TOKEN.operator:
          this.#readOperator();
          break;
        case TOKEN.other:
          this.#readOther();
          break;
        default:
          this.#readPunctuation(kind);
      }
    }
  }

  #readWord(): void {
    const lexer = this.#lexer;
    const gap = lexer.gap;
    const lastKind = this.#lastKind;
    // `$1a$b` is a parameter and a name to the scanner; a name is never written so.
    if (lastKind === TOKEN.parameter && gap === GAP.none && lexer.hasDollar()) return;
    const after = this.#after;
    const entry = after === AFTER.name ? 0 : lexer.keyword;
    if ((entry & WORD_MASK) === WORD.constant && after === AFTER.operator) {
      this.#readLiteral();
      return;
    }
    if (this.#list.kind !== LIST.none) this.#take(this.#list.name(entry, this.#isRest()));
    if (this.#isStatementStart || this.#setting !== SETTING.none) this.#steer(entry);
    this.#writeName();
    if ((entry & ~WORD_KEYWORD) === 0) {
      this.#after = AFTER.operand;
      this.#lastWord = WORD.none;
    } else {
      this.#followKeyword(entry);
    }
  }

  #followKeyword(entry: number): void {
    const after = this.#after;
    const word = entry & WORD_MASK;
    const lastWord = this.#lastWord;
    const isPlaceOfInfix = after === AFTER.operand || after === AFTER.keptNot;
    this.#lastWord = word;
    let next: number = (entry & WORD_BEFORE_OPERAND) === 0 ? AFTER.operand : AFTER.operator;
    if (this.#isCounting && (entry & WORD_SIGNED) !== 0) next = AFTER.operator;
    switch (word) {
      case WORD.as:
        next = AFTER.as;
        break;
      case WORD.is:
        next = AFTER.is;
        break;
      case WORD.not:
        next =
          after === AFTER.operand || after === AFTER.is ? AFTER.keptNot : AFTER.operator;
        break;
      case WORD.constant:
        this.#lastWord = WORD.onNull;
        break;
      case WORD.on:
        next = lastWord === WORD.onNull ? AFTER.keptOn : AFTER.operator;
        break;
      case WORD.by:
        if (lastWord === WORD.sorted) next = AFTER.operator;
        break;
      case WORD.infix:
        if (isPlaceOfInfix) next = AFTER.operator;
        break;
      default:
    }
    this.#after = next;
  }

  #readQuoted(): void {
    if (this.#list.kind !== LIST.none) this.#take(this.#list.name(0, false));
    this.#isStatementStart = false;
    this.#writeName();
    this.#after = AFTER.operand;
    this.#lastWord = WORD.none;
    if (this.#lexer.isUnicode) this.#unicode = UNICODE.name;
  }

  #writeName(): void {
    const lexer = this.#lexer;
    const gap = this.#isFused(lexer.kind) ? GAP.other : lexer.gap;
    this.#text.copy(lexer.start, lexer.end, gap);
    this.#hash.addWord(lexer.word1, lexer.word2);
    this.#lastKind = lexer.kind;
  }

  #readLiteral(): void {
    if (this.#list.kind !== LIST.none) this.#take(this.#list.operand());
    this.#writePlaceholder();
  }

  #writePlaceholder(): void {
    const lexer = this.#lexer;
    const gap = this.#isFused(TOKEN.parameter) ? GAP.other : lexer.gap;
    this.#placeholderCount += 1;
    this.#text.insert(placeholder(this.#placeholderCount), gap, lexer.end);
    this.#hash.addCode(LITERAL_CODE);
    this.#after = AFTER.operand;
    this.#lastWord = WORD.none;
    this.#lastKind = TOKEN.number;
  }

  #readParameter(): void {
    const lexer = this.#lexer;
    if (lexer.parameterNumber === this.#placeholderCount + 1 && !this.#isFused(TOKEN.parameter)) {
      if (this.#list.kind !== LIST.none) this.#take(this.#list.operand());
      this.#placeholderCount += 1;
      this.#text.copy(lexer.start, lexer.end, lexer.gap);
      this.#hash.addCode(LITERAL_CODE);
      this.#after = AFTER.operand;
      this.#lastWord = WORD.none;
    } else {
      this.#readLiteral();
    }
    this.#lastKind = TOKEN.parameter;
  }

  #readOperator(): void {
    const lexer = this.#lexer;
    const operator = lexer.word1;
    if (operator === MINUS && this.#after === AFTER.operator) {
      if (this.#minusCount === 0) this.#saveBeforeMinus();
      this.#minusCount += 1;
    } else if (this.#list.kind !== LIST.none) {
      this.#take(
        operator === PLUS ? this.#list.sign(SIGN.plus) : this.#list.punctuation(TOKEN.operator),
      );
    }
    if (this.#setting === SETTING.name && operator === EQUALS) this.#setting = SETTING.start;
    this.#text.copy(lexer.start, lexer.end, lexer.gap);
    this.#hash.addWord(lexer.word1, lexer.word2);
    this.#after = AFTER.operator;
    this.#lastWord = WORD.none;
    this.#lastKind = TOKEN.operator;
  }

  #readOther(): void {
    const lexer = this.#lexer;
    if (this.#list.kind !== LIST.none) this.#take(this.#list.punctuation(TOKEN.other));
    const gap = this.#isFused(TOKEN.other) ? GAP.other : lexer.gap;
    this.#text.copy(lexer.start, lexer.end, gap);
    this.#hash.addCode(lexer.word1 | OTHER_CODE);
    this.#after = AFTER.operand;
    this.#lastWord = WORD.none;
    this.#lastKind = TOKEN.other;
  }

  #readPunctuation(kind: number): void {
    const lexer = this.#lexer;
    const lastWord = this.#lastWord;
    if (this.#list.kind !== LIST.none) this.#take(this.#list.punctuation(kind));
    let after: number = AFTER.operator;
    switch (kind) {
      case TOKEN.open:
        if (lastWord === WORD.in) this.#openList(LIST.in);
        else if (lastWord === WORD.values) this.#openList(LIST.values);
        else if (lastWord === WORD.operator) this.#isOperatorName = true;
        break;
      case TOKEN.openBracket:
        if (lastWord === WORD.array) this.#openList(LIST.array);
        break;
      case TOKEN.close:
        if (!this.#isOperatorName) after = AFTER.operand;
        this.#isOperatorName = false;
        break;
      case TOKEN.closeBracket:
        after = AFTER.operand;
        break;
      case TOKEN.dot:
      case TOKEN.cast:
        after = AFTER.name;
        break;
      default:
    }
    this.#isStatementStart = false;
    this.#text.copy(lexer.start, lexer.end, lexer.gap);
    this.#hash.addCode(kind);
    this.#after = after;
    this.#lastWord = WORD.none;
    this.#lastKind = kind;
  }

  /** Whether a token of this kind, written next without a space, would run into the last one. */
  #isFused(kind: number): boolean {
    return this.#lexer.gap === GAP.none && IS_NAME_LIKE[kind] === 1 && IS_NAME_LIKE[this.#lastKind] === 1;
  }

  #isRest(): boolean {
    return this.#lexer.word1 === REST.word1 && this.#lexer.word2 === REST.word2;
  }

  #readSemicolon(): void {
    const lexer = this.#lexer;
    this.#settleMinus(TOKEN.semicolon);
    this.#unicode = UNICODE.none;
    if (this.#list.kind !== LIST.none) this.#take(this.#list.punctuation(TOKEN.semicolon));
    if (this.#lastKind === TOKEN.end || this.#hasSemicolon) return;
    this.#hasSemicolon = true;
    this.#semicolonStart = lexer.start;
    this.#semicolonGap = lexer.gap;
  }

  #writeSemicolon(): void {
    const start = this.#semicolonStart;
    this.#text.copy(start, start + 1, this.#semicolonGap);
    this.#hash.addCode(TOKEN.semicolon);
    this.#hasSemicolon = false;
    this.#lastKind = TOKEN.semicolon;
    this.#startStatement();
  }

  #saveBeforeMinus(): void {
    const checkpoint = this.#beforeMinus;
    this.#text.save(checkpoint);
    checkpoint.lane1 = this.#hash.lane1;
    checkpoint.lane2 = this.#hash.lane2;
    checkpoint.lastKind = this.#lastKind;
    checkpoint.gap = this.#lexer.gap;
  }

  /** The minus signs before this token belong to it, or are operators. */
  #settleMinus(kind: number): void {
    const lexer = this.#lexer;
    if (kind === TOKEN.operator && lexer.word1 === MINUS) return;
    const count = this.#minusCount;
    this.#minusCount = 0;
    if (kind === TOKEN.number && !lexer.isFollowedByCast()) {
      const checkpoint = this.#beforeMinus;
      this.#text.restore(checkpoint);
      this.#hash.lane1 = checkpoint.lane1;
      this.#hash.lane2 = checkpoint.lane2;
      this.#lastKind = checkpoint.lastKind;
      lexer.gap = checkpoint.gap;
    } else if (this.#list.kind !== LIST.none && count > 0) {
      this.#take(count === 1 ? this.#list.sign(SIGN.minus) : STEP.fails);
    }
  }

  #openList(kind: number): void {
    this.#list.open(kind);
    this.#listLane1 = this.#hash.lane1;
    this.#listLane2 = this.#hash.lane2;
  }

  #take(step: number): void {
    switch (step) {
      case STEP.afterFirst: {
        this.#text.save(this.#afterFirst);
        this.#afterFirst.placeholderCount = this.#placeholderCount;
        break;
      }
      case STEP.folds:
        this.#foldList();
        break;
      case STEP.fails:
        this.#list.kind = LIST.none;
        break;
      default:
    }
  }

  #foldList(): void {
    const list = this.#list;
    const isArray = list.kind === LIST.array;
    const isOrdered = isArray && list.isMinusFirst && list.signs === (SIGN.plus | SIGN.minus);
    this.#hash.lane1 = this.#listLane1;
    this.#hash.lane2 = this.#listLane2;
    this.#hash.addCode(LIST_CODE + list.width * 8 + (isOrdered ? 4 : 0) + list.signs);
    if (list.count > 1) {
      this.#text.restore(this.#afterFirst);
      this.#placeholderCount = this.#afterFirst.placeholderCount;
      const lexer = this.#lexer;
      const sourceEnd = lexer.gap === GAP.oneSpace ? lexer.start - 1 : lexer.start;
      const first = list.isMinusFirst ? SIGN.minus : SIGN.plus;
      this.#writeSign(first, sourceEnd);
      this.#writeSign(SIGN.plus + SIGN.minus - first, sourceEnd);
      this.#text.insertRest(sourceEnd);
      this.#lastKind = TOKEN.word;
    }
    if (this.#listLengths.length < LIST_LENGTHS_MAX) this.#listLengths.push(list.count);
    list.kind = LIST.none;
  }

  /** A sign that later elements keep, and the first does not, is shown by one of its own. */
  #writeSign(sign: number, sourceEnd: number): void {
    const list = this.#list;
    if ((list.signs & ~list.firstSigns & sign) === 0) return;
    this.#placeholderCount += 1;
    const signed = `${sign === SIGN.plus ? '+' : '-'}${placeholder(this.#placeholderCount)}`;
    const element = list.kind === LIST.values ? `, (${signed})` : `, ${signed}`;
    this.#text.insert(element, GAP.none, sourceEnd);
  }

  /** Looks at the words that begin a statement for the few whose values are not literals. */
  #steer(entry: number): void {
    const word = entry & WORD_MASK;
    if (this.#isStatementStart) {
      this.#isStatementStart = false;
      if (word === WORD.set) this.#setting = SETTING.set;
      if (word === WORD.alter) this.#setting = SETTING.alter;
      this.#isCounting = word === WORD.alter || word === WORD.counting;
      return;
    }
    switch (this.#setting) {
      case SETTING.alter:
        this.#setting = word === WORD.configured ? SETTING.configured : SETTING.none;
        break;
      case SETTING.configured:
        if (word === WORD.set) this.#setting = SETTING.set;
        break;
      case SETTING.set:
        this.#setting = word === WORD.time ? SETTING.none : SETTING.name;
        break;
      case SETTING.name:
        if (word === WORD.to) this.#setting = SETTING.start;
        break;
      default:
    }
  }

  /** One placeholder stands for everything that a setting is set to. */
  #skipsSetting(kind: number): boolean {
    if (this.#setting === SETTING.value) return true;
    const isDefault =
      kind === TOKEN.word && (this.#lexer.keyword & WORD_MASK) === WORD.default;
    this.#setting = isDefault ? SETTING.none : SETTING.value;
    if (isDefault) return false;
    this.#writePlaceholder();
    return true;
  }

  /** UESCAPE goes with its string, and belongs to the spelling of a name. */
  #skipsEscape(kind: number): boolean {
    const lexer = this.#lexer;
    const unicode = this.#unicode;
    this.#unicode = UNICODE.none;
    if (unicode === UNICODE.string || unicode === UNICODE.name) {
      if (kind !== TOKEN.word || (lexer.keyword & WORD_MASK) !== WORD.uescape) return false;
      this.#unicode = unicode === UNICODE.string ? UNICODE.stringEscape : UNICODE.nameEscape;
      return unicode === UNICODE.string;
    }
    if (kind !== TOKEN.string) return false;
    if (unicode === UNICODE.stringEscape) return true;
    if (lexer.end - lexer.start !== 3) return false;
    const escape = lexer.byteAt(lexer.start + 1);
    if (escape <= 0x20 || escape >= 0x7f || lexer.byteAt(lexer.start) !== QUOTE) return false;
    this.#text.copy(lexer.start, lexer.end, lexer.gap);
    this.#hash.addCode(escape | OTHER_CODE);
    this.#after = AFTER.operand;
    this.#lastKind = TOKEN.quoted;
    return true;
  }
}
