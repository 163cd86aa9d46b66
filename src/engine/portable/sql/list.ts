/**
 * Tells whether every element of a list is a literal or parameter, perhaps signed, parenthesised
 * or cast, while its tokens stream by. It knows nothing of text or hash: the normaliser does.
 *
 * Only one list is ever open: a list inside an element makes the outer one no list of literals.
 */
import { TOKEN } from './lexer.ts';
import {
  WORD,
  WORD_BEFORE_OPERAND,
  WORD_KEYWORD,
  WORD_MASK,
  WORD_TYPE_TAIL,
} from './keywords.ts';

export const LIST = { none: 0, in: 1, array: 2, values: 3 } as const;

/** What a token means to the list. */
export const STEP = {
  /** The list goes on. */
  within: 0,
  /** The first element (or row) has ended before this token. */
  afterFirst: 1,
  /** The list has ended before this token, and every element qualified. */
  folds: 2,
  /** An element did not qualify: the list is left alone. */
  fails: 3,
} as const;

/** Signs that stay (`+1`, `-$1`), as bits of {@link ListReader.signs}. */
export const SIGN = { plus: 1, minus: 2 } as const;

const STATE = {
  /** An element, or the operand of a sign or parenthesis, is to come. */
  operand: 0,
  /** After an operand: a cast, a parenthesis or a comma is to come. */
  value: 1,
  /** After `::` or AS: the name of a type is to come. */
  type: 2,
  typeName: 3,
  /** Inside the parentheses or brackets of a type. */
  typeModifier: 4,
  typeDimension: 5,
  /** A type before its literal: `date '…'`, `pg_catalog.int4 '…'`, `interval(3) '…'`. */
  prefix: 6,
  prefixName: 7,
  prefixModifier: 8,
  castOpen: 9,
  /** Between the rows of VALUES. */
  row: 10,
  rowOpen: 11,
  /** After the `…` of a list that was folded before. */
  rest: 12,
} as const;

export class ListReader {
  kind: number = LIST.none;
  /** Elements, or rows of VALUES, that have ended. */
  count = 0;
  /** Columns of the first row. */
  width = 0;
  /** Kept signs of all elements so far, as bits; `firstSigns` are those of the first. */
  signs = 0;
  firstSigns = 0;
  /** Whether a minus was kept before any plus. */
  isMinusFirst = false;

  #state: number = STATE.operand;
  #depth = 0;
  #sign = 0;
  #signDepth = 0;
  /** A cast of a cast is more than a literal to PostgreSQL, as is one of DEFAULT. */
  #isCast = false;
  #columns = 0;

  open(kind: number): void {
    this.kind = kind;
    this.count = 0;
    this.width = 0;
    this.signs = 0;
    this.firstSigns = 0;
    this.isMinusFirst = false;
    this.#columns = 0;
    this.#startElement();
  }

  /** A `+`, or a `-` that does not go with its number. */
  sign(sign: number): number {
    if (this.#state === STATE.typeModifier) return STEP.within;
    if (this.#state !== STATE.operand || this.#sign !== 0) return STEP.fails;
    if (this.signs === 0) this.isMinusFirst = sign === SIGN.minus;
    this.#sign = sign;
    this.#signDepth = this.#depth;
    return STEP.within;
  }

  /** A literal, a parameter, or NULL, TRUE and FALSE as values. */
  operand(): number {
    switch (this.#state) {
      case STATE.operand:
      case STATE.prefix:
        this.#state = STATE.value;
        return STEP.within;
      case STATE.typeModifier:
      case STATE.typeDimension:
      case STATE.prefixModifier:
        return STEP.within;
      default:
        return this.#other();
    }
  }

  /** @param isRest for the `…` of a folded list. */
  name(entry: number, isRest: boolean): number {
    const isTail = (entry & WORD_TYPE_TAIL) !== 0;
    switch (this.#state) {
      case STATE.operand:
        return this.#nameAsOperand(entry, isRest);
      case STATE.value:
      case STATE.typeName:
        if ((entry & WORD_MASK) === WORD.as && (entry & WORD_KEYWORD) !== 0) {
          return this.#expectType(this.#depth > 0 && this.#sign === 0);
        }
        this.#state = STATE.typeName;
        return isTail ? STEP.within : this.#other();
      case STATE.type:
        this.#state = STATE.typeName;
        return STEP.within;
      case STATE.prefixName:
        this.#state = STATE.prefix;
        return STEP.within;
      case STATE.prefix:
        return isTail ? STEP.within : this.#other();
      case STATE.typeModifier:
      case STATE.prefixModifier:
        return STEP.within;
      case STATE.rowOpen:
        if (!isRest) return this.#other();
        this.#state = STATE.rest;
        this.count += 1;
        return STEP.within;
      default:
        return this.#other();
    }
  }

  #nameAsOperand(entry: number, isRest: boolean): number {
    if (isRest && this.count > 0 && this.kind !== LIST.values && this.#isBare()) {
      this.#state = STATE.rest;
      return STEP.within;
    }
    const id = (entry & WORD_KEYWORD) === 0 ? WORD.none : entry & WORD_MASK;
    if (id === WORD.cast && !this.#isCast) {
      this.#state = STATE.castOpen;
      return STEP.within;
    }
    if (id === WORD.default) {
      if (this.kind !== LIST.values || !this.#isBare()) return this.#other();
      this.#state = STATE.value;
      this.#isCast = true;
      return STEP.within;
    }
    if ((entry & WORD_BEFORE_OPERAND) !== 0 || id === WORD.array || id === WORD.not) {
      return this.#other();
    }
    if (this.#isCast) return this.#other();
    this.#isCast = true;
    this.#state = STATE.prefix;
    return STEP.within;
  }

  /** Any token that is no operand, sign or name. */
  punctuation(kind: number): number {
    switch (kind) {
      case TOKEN.comma:
        return this.#comma();
      case TOKEN.open:
        return this.#open();
      case TOKEN.close:
        return this.#close();
      case TOKEN.cast:
        if (this.#state !== STATE.value && this.#state !== STATE.typeName) return this.#other();
        return this.#expectType(this.#sign === 0 || this.#depth >= this.#signDepth);
      case TOKEN.dot:
        if (this.#state === STATE.typeName) this.#state = STATE.type;
        else if (this.#state === STATE.prefix) this.#state = STATE.prefixName;
        else return this.#other();
        return STEP.within;
      case TOKEN.openBracket:
        if (this.#state !== STATE.typeName) return this.#other();
        this.#state = STATE.typeDimension;
        return STEP.within;
      case TOKEN.closeBracket:
        return this.#closeBracket();
      default:
        return this.#other();
    }
  }

  #comma(): number {
    switch (this.#state) {
      case STATE.value:
      case STATE.typeName:
        if (this.#depth > 0) return this.#other();
        return this.#endElement();
      case STATE.typeModifier:
      case STATE.prefixModifier:
        return STEP.within;
      case STATE.row:
        this.#state = STATE.rowOpen;
        return this.count === 1 ? STEP.afterFirst : STEP.within;
      default:
        return this.#other();
    }
  }

  #open(): number {
    switch (this.#state) {
      case STATE.operand:
      case STATE.castOpen:
        // `-(1)` is a literal to PostgreSQL, `-($1)` is not.
        if (this.#sign !== 0 && this.#depth === this.#signDepth) return this.#other();
        this.#depth += 1;
        this.#state = STATE.operand;
        return STEP.within;
      case STATE.typeName:
        this.#state = STATE.typeModifier;
        return STEP.within;
      case STATE.prefix:
        this.#state = STATE.prefixModifier;
        return STEP.within;
      case STATE.rowOpen:
        this.#columns = 0;
        this.#startElement();
        return STEP.within;
      default:
        return this.#other();
    }
  }

  #close(): number {
    switch (this.#state) {
      case STATE.typeModifier:
        this.#state = STATE.typeName;
        return STEP.within;
      case STATE.prefixModifier:
        this.#state = STATE.prefix;
        return STEP.within;
      case STATE.value:
      case STATE.typeName:
        if (this.#depth > 0) {
          this.#depth -= 1;
          this.#state = STATE.value;
          return STEP.within;
        }
        if (this.kind === LIST.array) return STEP.fails;
        this.#endElement();
        if (this.kind === LIST.in) return STEP.folds;
        this.count += 1;
        if (this.count === 1) {
          this.width = this.#columns;
          this.firstSigns = this.signs;
        }
        this.#state = STATE.row;
        return STEP.within;
      case STATE.rest:
        if (this.kind !== LIST.in) return this.#other();
        this.count += 1;
        return STEP.folds;
      default:
        return this.#other();
    }
  }

  #closeBracket(): number {
    switch (this.#state) {
      case STATE.typeDimension:
        this.#state = STATE.typeName;
        return STEP.within;
      case STATE.value:
      case STATE.typeName:
        if (this.kind !== LIST.array || this.#depth > 0) return this.#other();
        this.#endElement();
        return STEP.folds;
      case STATE.rest:
        if (this.kind !== LIST.array) return this.#other();
        this.count += 1;
        return STEP.folds;
      default:
        return this.#other();
    }
  }

  #endElement(): number {
    this.signs |= this.#sign;
    this.#startElement();
    if (this.kind === LIST.values) {
      this.#columns += 1;
      return STEP.within;
    }
    this.count += 1;
    if (this.count > 1) return STEP.within;
    this.firstSigns = this.signs;
    return STEP.afterFirst;
  }

  #startElement(): void {
    this.#state = STATE.operand;
    this.#depth = 0;
    this.#sign = 0;
    this.#signDepth = 0;
    this.#isCast = false;
  }

  #isBare(): boolean {
    return this.#depth === 0 && this.#sign === 0;
  }

  #expectType(isAllowed: boolean): number {
    if (!isAllowed || this.#isCast) return STEP.fails;
    this.#isCast = true;
    this.#state = STATE.type;
    return STEP.within;
  }

  /** A token that no element holds: it ends the rows of VALUES, and fails any other list. */
  #other(): number {
    if (this.kind !== LIST.values) return STEP.fails;
    if (this.#state === STATE.row) return STEP.folds;
    if (this.#state === STATE.rest && this.count > 1) return STEP.folds;
    return STEP.fails;
  }
}
