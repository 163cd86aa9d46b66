/**
 * What a reading of a statement remembers from token to token, and what it writes for more than
 * one kind of token. `normalizer.ts` reads every token there is, `plain.ts` and `plain-list.ts`
 * the plain ones; each leaves here what the others need.
 */
import { LIST_CODE, LITERAL_CODE, StatementHash } from './fingerprint.ts';
import { WORD } from './keywords.ts';
import { Lexer } from './lexer.ts';
import { LIST, ListReader, SIGN, STEP } from './list.ts';
import type { SqlSource } from './source.ts';
import { AFTER, SETTING, UNICODE } from './states.ts';
import { NormalizedText, placeholder, TextCheckpoint } from './text.ts';
import { GAP, IS_NAME_LIKE, TOKEN } from './tokens.ts';

/** The most lists of a statement whose lengths are kept. */
const LIST_LENGTHS_MAX = 256;

// V8 knows the value of a constant of this module only, not that of an imported object.
const { array: LIST_ARRAY, none: LIST_NONE, values: LIST_VALUES } = LIST;
const { afterFirst: STEP_AFTER_FIRST, fails: STEP_FAILS, folds: STEP_FOLDS } = STEP;
const { minus: SIGN_MINUS, plus: SIGN_PLUS } = SIGN;
const { number: TOKEN_NUMBER, parameter: TOKEN_PARAMETER, word: TOKEN_WORD } = TOKEN;
const { none: GAP_NONE, oneSpace: GAP_ONE_SPACE, other: GAP_OTHER } = GAP;
const { operand: AFTER_OPERAND, operator: AFTER_OPERATOR } = AFTER;
const { none: SETTING_NONE } = SETTING;
const { none: WORD_NONE } = WORD;

/** A state of the reading to return to. */
export class Checkpoint extends TextCheckpoint {
  lane1 = 0;
  lane2 = 0;
  placeholderCount = 0;
  lastKind = 0;
  gap = 0;
}

export class Machine {
  readonly source: SqlSource;
  readonly lexer: Lexer = new Lexer();
  readonly text: NormalizedText;
  readonly hash: StatementHash = new StatementHash();
  readonly list: ListReader = new ListReader();
  readonly readsPlainly: boolean;

  placeholderCount = 0;
  listLengths: number[] = [];
  after: number = AFTER.operator;
  /** The kind of the last token that was written; {@link TOKEN.end} before the first. */
  lastKind: number = TOKEN.end;
  /** Which of {@link WORD} the last token was. */
  lastWord: number = WORD.none;
  /** These two and what follows from a first word, while plain tokens are read: `plain-states.ts`. */
  plainState = 0;
  isOperatorName = false;
  unicode: number = UNICODE.none;

  /** The end of a text that was cut is neither that of its list nor that of its statement. */
  isCutSource = false;

  // What the first words of the statement told.
  isStatementStart = true;
  isCounting = false;
  setting: number = SETTING.none;

  /** A semicolon waits until something follows it. */
  hasSemicolon = false;
  /** Signs that may turn out to belong to a number. */
  minusCount = 0;

  // The open list: the hash before it, and everything after its first element.
  private listLane1 = 0;
  private listLane2 = 0;
  private readonly afterFirst = new Checkpoint();

  /**
   * @param source tests count with it what is read.
   * @param readsPlainly tests turn off the paths for plain tokens, which change nothing but time.
   */
  constructor(source: SqlSource, readsPlainly: boolean) {
    this.source = source;
    this.text = new NormalizedText(source);
    this.readsPlainly = readsPlainly;
  }

  writePlaceholder(): void {
    const lexer = this.lexer;
    const gap = this.isFused(TOKEN_PARAMETER) ? GAP_OTHER : lexer.gap;
    this.placeholderCount += 1;
    this.text.insert(placeholder(this.placeholderCount), gap, lexer.end);
    this.hash.addCode(LITERAL_CODE);
    this.after = AFTER_OPERAND;
    this.lastWord = WORD_NONE;
    this.lastKind = TOKEN_NUMBER;
  }

  /** Whether a token of this kind, written next without a space, would run into the last one. */
  isFused(kind: number): boolean {
    return (
      this.lexer.gap === GAP_NONE && IS_NAME_LIKE[kind] === 1 && IS_NAME_LIKE[this.lastKind] === 1
    );
  }

  openList(kind: number): void {
    this.list.open(kind);
    this.listLane1 = this.hash.lane1;
    this.listLane2 = this.hash.lane2;
  }

  take(step: number): void {
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
    for (let index = 0; index < 2 * list.formsCount; index += 2) {
      this.hash.addWord(list.forms[index] as number, list.forms[index + 1] as number);
    }
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
    this.addListLength(list.count);
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

  startStatement(): void {
    this.after = AFTER_OPERATOR;
    this.lastWord = WORD_NONE;
    this.isOperatorName = false;
    this.isStatementStart = true;
    this.isCounting = false;
    this.setting = SETTING_NONE;
  }

  releaseList(): void {
    this.afterFirst.release();
    if (this.listLengths.length > 0) this.listLengths = [];
  }

  addListLength(count: number): void {
    if (this.listLengths.length < LIST_LENGTHS_MAX) this.listLengths.push(count);
  }
}
