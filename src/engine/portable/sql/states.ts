/** The states of a reading between two tokens. */
import { WORD, WORD_BEFORE_OPERAND, WORD_MASK } from './keywords.ts';

/** What may come next, judged by what was last. */
export const AFTER = {
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

/**
 * How far `SET name = value`, `ALTER ROLE … SET name TO value` or a statement with a name that
 * applications make anew, such as that of a savepoint, has been read.
 */
export const SETTING = {
  none: 0,
  alter: 1,
  configured: 2,
  set: 3,
  name: 4,
  /** ROLLBACK: a savepoint is named behind TO. */
  rolledBack: 5,
  start: 6,
  value: 7,
  /** The next token is a name: SAVEPOINT and its kin. */
  namedFirst: 8,
  /** The last word is a name: RELEASE and its kin. */
  namedLast: 9,
} as const;

/** How far a `U&` token and its UESCAPE have been read. */
export const UNICODE = { none: 0, string: 1, name: 2, stringEscape: 3, nameEscape: 4 } as const;

// V8 knows the value of a constant of this module only, not that of an imported object.
const {
  as: AFTER_AS,
  is: AFTER_IS,
  keptNot: AFTER_KEPT_NOT,
  keptOn: AFTER_KEPT_ON,
  operand: AFTER_OPERAND,
  operator: AFTER_OPERATOR,
} = AFTER;
const {
  as: WORD_AS,
  by: WORD_BY,
  infix: WORD_INFIX,
  is: WORD_IS,
  not: WORD_NOT,
  on: WORD_ON,
  onNull: WORD_ON_NULL,
  sorted: WORD_SORTED,
} = WORD;

/** What may follow a keyword that the normaliser knows more of. */
export function afterKeyword(
  entry: number,
  after: number,
  lastWord: number,
  isSignNext: boolean,
): number {
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
