/**
 * Tells whether every element of a list is a literal or parameter, perhaps signed, parenthesised
 * or cast, while its tokens stream by. It knows nothing of text or hash: the normaliser does.
 *
 * Only one list is ever open: a list inside an element makes the outer one no list of literals.
 */
import { LITERAL_CODE, mix1, mix2, WORD_SEED_1, WORD_SEED_2 } from './fingerprint.ts';
import { WORD, WORD_BEFORE_OPERAND, WORD_KEYWORD, WORD_MASK, WORD_TYPE_TAIL } from './keywords.ts';
import { TOKEN } from './tokens.ts';

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

/** The most forms of casts that are told apart in the first element or row. */
const FORMS_MAX = 16;

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

// V8 knows the value of a constant of this module only, not that of an imported object.
const {
  cast: TOKEN_CAST,
  close: TOKEN_CLOSE,
  closeBracket: TOKEN_CLOSE_BRACKET,
  comma: TOKEN_COMMA,
  dot: TOKEN_DOT,
  open: TOKEN_OPEN,
  openBracket: TOKEN_OPEN_BRACKET,
} = TOKEN;
const {
  array: WORD_ARRAY,
  as: WORD_AS,
  cast: WORD_CAST,
  default: WORD_DEFAULT,
  none: WORD_NONE,
  not: WORD_NOT,
} = WORD;
const { array: LIST_ARRAY, in: LIST_IN, none: LIST_NONE, values: LIST_VALUES } = LIST;
const {
  afterFirst: STEP_AFTER_FIRST,
  fails: STEP_FAILS,
  folds: STEP_FOLDS,
  within: STEP_WITHIN,
} = STEP;
const { minus: SIGN_MINUS } = SIGN;
const {
  castOpen: STATE_CAST_OPEN,
  operand: STATE_OPERAND,
  prefix: STATE_PREFIX,
  prefixModifier: STATE_PREFIX_MODIFIER,
  prefixName: STATE_PREFIX_NAME,
  rest: STATE_REST,
  row: STATE_ROW,
  rowOpen: STATE_ROW_OPEN,
  type: STATE_TYPE,
  typeDimension: STATE_TYPE_DIMENSION,
  typeModifier: STATE_TYPE_MODIFIER,
  typeName: STATE_TYPE_NAME,
  value: STATE_VALUE,
} = STATE;

export class ListReader {
  kind: number = LIST_NONE;
  /** Elements, or rows of VALUES, that have ended. */
  count = 0;
  /** Columns of the first row. */
  width = 0;
  /** Kept signs of all elements so far, as bits; `firstSigns` are those of the first. */
  signs = 0;
  firstSigns = 0;
  /** Whether a minus was kept before any plus. */
  isMinusFirst = false;

  private state: number = STATE_OPERAND;
  private depth = 0;
  private elementSign = 0;
  private signDepth = 0;
  private isCast = false;
  /** A cast of DEFAULT is no element. */
  private isDefault = false;
  /** Whether a cast holds the sign: `(-$1)::int`. */
  private isSignCast = false;

  /**
   * To PostgreSQL a cast of a literal is one, but a cast of a cast is not, nor one of a sign: such
   * casts give an element its form, a hash of them. Later elements have no form of their own.
   */
  private hasForm = false;
  private form1 = 0;
  private form2 = 0;
  /** Those of the first element or row, two words for each. */
  readonly forms: Int32Array = new Int32Array(2 * FORMS_MAX);
  formsCount = 0;
  private rowFormsCount = 0;
  /** Which columns of a row of VALUES have which sign: 0 for none. */
  private rowSigns = 0;
  private firstRowSigns = 0;
  private columns = 0;

  open(kind: number): void {
    this.kind = kind;
    this.count = 0;
    this.width = 0;
    this.signs = 0;
    this.firstSigns = 0;
    this.isMinusFirst = false;
    this.columns = 0;
    this.formsCount = 0;
    this.rowFormsCount = 0;
    this.rowSigns = 0;
    this.startElement();
  }

  /** Inside the brackets of a type. */
  isInDimension(): boolean {
    return this.kind !== LIST_NONE && this.state === STATE_TYPE_DIMENSION;
  }

  /** A `+`, or a `-` that does not go with its number. */
  sign(sign: number): number {
    if (this.state === STATE_TYPE_MODIFIER) return this.inType(sign, sign);
    if (this.state !== STATE_OPERAND || this.elementSign !== 0) return STEP_FAILS;
    this.elementSign = sign;
    this.signDepth = this.depth;
    return STEP_WITHIN;
  }

  /** A literal, a parameter, or NULL, TRUE and FALSE as values. */
  operand(): number {
    switch (this.state) {
      case STATE_OPERAND:
      case STATE_PREFIX:
        this.state = STATE_VALUE;
        return STEP_WITHIN;
      case STATE_TYPE_MODIFIER:
      case STATE_TYPE_DIMENSION:
      case STATE_PREFIX_MODIFIER:
        return this.inType(LITERAL_CODE, LITERAL_CODE);
      default:
        return this.other();
    }
  }

  /** @param isRest for the `…` of a folded list. */
  name(entry: number, isRest: boolean, word1: number, word2: number): number {
    const isTail = (entry & WORD_TYPE_TAIL) !== 0;
    switch (this.state) {
      case STATE_OPERAND:
        return this.nameAsOperand(entry, isRest);
      case STATE_VALUE:
      case STATE_TYPE_NAME:
        if ((entry & WORD_MASK) === WORD_AS && (entry & WORD_KEYWORD) !== 0) {
          return this.depth > 0 ? this.expectType(this.depth) : this.other();
        }
        this.state = STATE_TYPE_NAME;
        return isTail ? this.inType(word1, word2) : this.other();
      case STATE_TYPE:
        this.state = STATE_TYPE_NAME;
        return this.inType(word1, word2);
      case STATE_PREFIX_NAME:
        this.state = STATE_PREFIX;
        return STEP_WITHIN;
      case STATE_PREFIX:
        return isTail ? STEP_WITHIN : this.other();
      case STATE_TYPE_MODIFIER:
      case STATE_PREFIX_MODIFIER:
        return this.inType(word1, word2);
      case STATE_ROW_OPEN:
        if (!isRest) return this.other();
        this.state = STATE_REST;
        this.count += 1;
        return STEP_WITHIN;
      default:
        return this.other();
    }
  }

  private nameAsOperand(entry: number, isRest: boolean): number {
    if (isRest && this.count > 0 && this.kind !== LIST_VALUES && this.isBare()) {
      this.state = STATE_REST;
      return STEP_WITHIN;
    }
    const id = (entry & WORD_KEYWORD) === 0 ? WORD_NONE : entry & WORD_MASK;
    if (id === WORD_CAST) {
      this.state = STATE_CAST_OPEN;
      return STEP_WITHIN;
    }
    if (id === WORD_DEFAULT) {
      if (this.kind !== LIST_VALUES || !this.isBare()) return this.other();
      this.state = STATE_VALUE;
      this.isDefault = true;
      return STEP_WITHIN;
    }
    if ((entry & WORD_BEFORE_OPERAND) !== 0 || id === WORD_ARRAY || id === WORD_NOT) {
      return this.other();
    }
    this.isCast = true;
    this.state = STATE_PREFIX;
    return STEP_WITHIN;
  }

  /** Any token that is no operand, sign or name. */
  punctuation(kind: number): number {
    switch (kind) {
      case TOKEN_COMMA:
        return this.comma();
      case TOKEN_OPEN:
        return this.openParenthesis();
      case TOKEN_CLOSE:
        return this.closeParenthesis();
      case TOKEN_CAST:
        if (this.state !== STATE_VALUE && this.state !== STATE_TYPE_NAME) return this.other();
        return this.expectType(this.depth + 1);
      case TOKEN_DOT:
        if (this.state === STATE_TYPE_NAME) this.state = STATE_TYPE;
        else if (this.state === STATE_PREFIX) this.state = STATE_PREFIX_NAME;
        else return this.other();
        return this.inType(kind, kind);
      case TOKEN_OPEN_BRACKET:
        if (this.state !== STATE_TYPE_NAME) return this.other();
        this.state = STATE_TYPE_DIMENSION;
        return this.inType(kind, kind);
      case TOKEN_CLOSE_BRACKET:
        return this.closeBracket();
      default:
        return this.other();
    }
  }

  private comma(): number {
    switch (this.state) {
      case STATE_VALUE:
      case STATE_TYPE_NAME:
        if (this.depth > 0) return this.other();
        return this.endElement();
      case STATE_TYPE_MODIFIER:
      case STATE_PREFIX_MODIFIER:
        return this.inType(TOKEN_COMMA, TOKEN_COMMA);
      case STATE_ROW:
        this.state = STATE_ROW_OPEN;
        return this.count === 1 ? STEP_AFTER_FIRST : STEP_WITHIN;
      default:
        return this.other();
    }
  }

  private openParenthesis(): number {
    switch (this.state) {
      case STATE_OPERAND:
        // `-(1)` is a literal to PostgreSQL, `-($1)` is not.
        if (this.elementSign !== 0 && this.depth === this.signDepth) return this.other();
        this.depth += 1;
        return STEP_WITHIN;
      case STATE_CAST_OPEN:
        this.depth += 1;
        this.state = STATE_OPERAND;
        return STEP_WITHIN;
      case STATE_TYPE_NAME:
        this.state = STATE_TYPE_MODIFIER;
        return this.inType(TOKEN_OPEN, TOKEN_OPEN);
      case STATE_PREFIX:
        this.state = STATE_PREFIX_MODIFIER;
        return STEP_WITHIN;
      case STATE_ROW_OPEN:
        this.columns = 0;
        this.rowFormsCount = 0;
        this.rowSigns = 0;
        this.startElement();
        return STEP_WITHIN;
      default:
        return this.other();
    }
  }

  private closeParenthesis(): number {
    switch (this.state) {
      case STATE_TYPE_MODIFIER:
        this.state = STATE_TYPE_NAME;
        return this.inType(TOKEN_CLOSE, TOKEN_CLOSE);
      case STATE_PREFIX_MODIFIER:
        this.state = STATE_PREFIX;
        return STEP_WITHIN;
      case STATE_VALUE:
      case STATE_TYPE_NAME:
        if (this.depth > 0) {
          this.depth -= 1;
          this.state = STATE_VALUE;
          return STEP_WITHIN;
        }
        if (this.kind === LIST_ARRAY) return STEP_FAILS;
        if (this.endElement() === STEP_FAILS) return STEP_FAILS;
        if (this.kind === LIST_IN) return STEP_FOLDS;
        if (!this.isLikeFirstRow()) return STEP_FAILS;
        this.count += 1;
        if (this.count === 1) {
          this.width = this.columns;
          this.firstSigns = this.signs;
        }
        this.state = STATE_ROW;
        return STEP_WITHIN;
      case STATE_REST:
        if (this.kind !== LIST_IN) return this.other();
        this.count += 1;
        return STEP_FOLDS;
      default:
        return this.other();
    }
  }

  private closeBracket(): number {
    switch (this.state) {
      case STATE_TYPE_DIMENSION:
        this.state = STATE_TYPE_NAME;
        return this.inType(TOKEN_CLOSE_BRACKET, TOKEN_CLOSE_BRACKET);
      case STATE_VALUE:
      case STATE_TYPE_NAME:
        if (this.kind !== LIST_ARRAY || this.depth > 0) return this.other();
        return this.endElement() === STEP_FAILS ? STEP_FAILS : STEP_FOLDS;
      case STATE_REST:
        if (this.kind !== LIST_ARRAY) return this.other();
        this.count += 1;
        return STEP_FOLDS;
      default:
        return this.other();
    }
  }

  private endElement(): number {
    if (this.hasForm) {
      if (!this.isSignCast) this.mixForm(this.elementSign, this.elementSign);
      this.mixForm(this.columns, this.columns);
      if (!this.keepsForm()) return STEP_FAILS;
      this.rowFormsCount += 1;
    } else {
      if (this.signs === 0) this.isMinusFirst = this.elementSign === SIGN_MINUS;
      if (this.kind === LIST_VALUES && this.elementSign !== 0) {
        this.rowSigns = (Math.imul(this.rowSigns, 31) + this.columns * 4 + this.elementSign) | 0;
      }
      this.signs |= this.elementSign;
    }
    this.startElement();
    if (this.kind === LIST_VALUES) {
      this.columns += 1;
      return STEP_WITHIN;
    }
    this.count += 1;
    if (this.count > 1) return STEP_WITHIN;
    this.firstSigns = this.signs;
    return STEP_AFTER_FIRST;
  }

  private startElement(): void {
    this.state = STATE_OPERAND;
    this.depth = 0;
    this.elementSign = 0;
    this.signDepth = 0;
    this.isCast = false;
    this.isDefault = false;
    this.isSignCast = false;
    this.hasForm = false;
  }

  private isBare(): boolean {
    return this.depth === 0 && this.elementSign === 0;
  }

  /** @param signDepth a sign this deep, or deeper, is in the cast. */
  private expectType(signDepth: number): number {
    if (this.isDefault) return STEP_FAILS;
    const castsSign = this.elementSign !== 0 && this.signDepth >= signDepth && !this.isSignCast;
    if ((this.isCast || castsSign) && !this.hasForm) {
      this.hasForm = true;
      this.form1 = WORD_SEED_1;
      this.form2 = WORD_SEED_2;
    }
    if (castsSign) {
      this.isSignCast = true;
      this.mixForm(this.elementSign, this.elementSign);
    }
    this.isCast = true;
    this.state = STATE_TYPE;
    return this.inType(TOKEN_CAST, TOKEN_CAST);
  }

  /** A token of a type. */
  private inType(word1: number, word2: number): number {
    if (this.hasForm) this.mixForm(word1, word2);
    return STEP_WITHIN;
  }

  private mixForm(word1: number, word2: number): void {
    this.form1 = mix1(this.form1, word1);
    this.form2 = mix2(this.form2, word2);
  }

  /**
   * PostgreSQL tells rows with forms or signs apart as wholes: a later one has all of the first
   * one's, or holds plain literals only.
   */
  private isLikeFirstRow(): boolean {
    if (this.count === 0) {
      this.firstRowSigns = this.rowSigns;
      return true;
    }
    if (this.rowFormsCount === 0 && this.rowSigns === 0) return true;
    return this.rowFormsCount === this.formsCount && this.rowSigns === this.firstRowSigns;
  }

  /** Whether the element's form is one of the first element's, or of the first row's. */
  private keepsForm(): boolean {
    const { forms, form1, form2 } = this;
    if (this.count === 0) {
      if (this.formsCount === FORMS_MAX) return false;
      forms[2 * this.formsCount] = form1;
      forms[2 * this.formsCount + 1] = form2;
      this.formsCount += 1;
      return true;
    }
    for (let index = 0; index < 2 * this.formsCount; index += 2) {
      if (forms[index] === form1 && forms[index + 1] === form2) return true;
    }
    return false;
  }

  /** A token that no element holds: it ends the rows of VALUES, and fails any other list. */
  private other(): number {
    if (this.kind !== LIST_VALUES) return STEP_FAILS;
    if (this.state === STATE_ROW) return STEP_FOLDS;
    if (this.state === STATE_REST && this.count > 1) return STEP_FOLDS;
    return STEP_FAILS;
  }
}
