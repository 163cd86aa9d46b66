/** The rarer plain tokens, one at a time: see `plain.ts` for what makes a token plain. */
import { CHARACTER, CHARACTER_CLASS } from './characters.ts';
import { LITERAL_CODE } from './fingerprint.ts';
import { LIST } from './list.ts';
import type { Machine } from './machine.ts';
import { numberEnd } from './numbers.ts';
import { opensNoList, readPlainList } from './plain-list.ts';
import { AFTER_MASK, LIST_OF_STATE, LIST_OPERATOR, STATE_COUNTING } from './plain-states.ts';
import { AFTER } from './states.ts';
import { placeholder } from './text.ts';
import { IS_NAME_LIKE, TOKEN } from './tokens.ts';

const SPACE = 0x20;
const OPEN_PARENTHESIS = 0x28;
const MINUS = 0x2d;
const SLASH = 0x2f;
const ZERO = 0x30;
const SEMICOLON = 0x3b;
const OPEN_BRACKET = 0x5b;

const PARAMETER_DIGITS_MAX = 9;

// V8 knows the value of a constant of this module only, not that of an imported object.
const CLASS: Uint8Array = CHARACTER_CLASS;
const NAME_LIKE: Uint8Array = IS_NAME_LIKE;
const LISTS: Uint8Array = LIST_OF_STATE;
const LITERAL: number = LITERAL_CODE;
const COUNTING: number = STATE_COUNTING;
const AFTER_BITS: number = AFTER_MASK;
const {
  digit: CHARACTER_DIGIT,
  dollar: CHARACTER_DOLLAR,
  doubleQuote: CHARACTER_DOUBLE_QUOTE,
  operator: CHARACTER_OPERATOR,
  punctuation: CHARACTER_PUNCTUATION,
  space: CHARACTER_SPACE,
} = CHARACTER;
const { array: LIST_ARRAY, none: LIST_NONE } = LIST;
const {
  number: TOKEN_NUMBER,
  open: TOKEN_OPEN,
  openBracket: TOKEN_OPEN_BRACKET,
  operator: TOKEN_OPERATOR,
  parameter: TOKEN_PARAMETER,
  quoted: TOKEN_QUOTED,
} = TOKEN;
const { operand: AFTER_OPERAND, operator: AFTER_OPERATOR } = AFTER;

/** Reads one token or gap at the lexer's end. @returns false where that is not plain. */
export function readPlainOther(machine: Machine): boolean {
  const { bytes } = machine.source;
  const position = machine.lexer.end;
  const start = bytes[position] === SPACE ? position + 1 : position;
  const byte = bytes[start] as number;
  switch (CLASS[byte]) {
    case CHARACTER_DOLLAR:
      return readValue(machine, start, parameterEnd(bytes, start), TOKEN_PARAMETER);
    case CHARACTER_DOUBLE_QUOTE:
      return readQuoted(machine, start);
    case CHARACTER_OPERATOR:
      return readOperator(machine, start);
    case CHARACTER_PUNCTUATION:
      return byte !== SEMICOLON && readPunctuation(machine, start, byte);
    case CHARACTER_SPACE:
      return readGap(machine, start);
    default:
      return false;
  }
}

/** A value that a placeholder of another spelling stands for. @param end 0 where it is not plain. */
function readValue(machine: Machine, start: number, end: number, kind: number): boolean {
  const isGlued = start === machine.lexer.end && NAME_LIKE[machine.lastKind] === 1;
  if (end === 0 || isGlued) return false;
  const number = machine.placeholderCount + 1;
  if (!machine.text.replace(start, placeholder(number), end)) return false;
  machine.placeholderCount = number;
  accept(machine, end, LITERAL, LITERAL, kind, AFTER_OPERAND);
  return true;
}

/** The end of a `$n` as `String(n)` would write it; 0 where it is none. */
function parameterEnd(bytes: Uint8Array, start: number): number {
  let end = start + 1;
  if (bytes[end] === ZERO) return 0;
  while (CLASS[bytes[end] as number] === CHARACTER_DIGIT) end += 1;
  const digitCount = end - start - 1;
  return digitCount === 0 || digitCount > PARAMETER_DIGITS_MAX ? 0 : end;
}

/** A name with spaces, quotes or letters beyond ASCII between its quotes. */
function readQuoted(machine: Machine, start: number): boolean {
  const { lexer } = machine;
  const end = lexer.quotedEnd(start + 1);
  if (end === 0) return false;
  accept(machine, end, lexer.word1, lexer.word2, TOKEN_QUOTED, AFTER_OPERAND);
  return true;
}

function readOperator(machine: Machine, start: number): boolean {
  const { lexer } = machine;
  const end = lexer.operatorEnd(start);
  if (end === 0) return false;
  if (lexer.word1 === MINUS && (machine.plainState & AFTER_BITS) === AFTER_OPERATOR) {
    return readValue(machine, start, signedEnd(machine, end), TOKEN_NUMBER);
  }
  accept(machine, end, lexer.word1, lexer.word2, TOKEN_OPERATOR, AFTER_OPERATOR);
  return true;
}

/** The end of a number directly behind its sign, which no cast follows; 0 where there is none. */
function signedEnd(machine: Machine, start: number): number {
  const { bytes } = machine.source;
  if (CLASS[bytes[start] as number] !== CHARACTER_DIGIT) return 0;
  const end = numberEnd(bytes, start);
  return machine.lexer.isFollowedByCast(end) ? 0 : end;
}

/** The bracket behind IN, VALUES, ARRAY or OPERATOR. */
function readPunctuation(machine: Machine, start: number, byte: number): boolean {
  const list = LISTS[machine.plainState] as number;
  if (list === LIST_NONE || byte !== (list === LIST_ARRAY ? OPEN_BRACKET : OPEN_PARENTHESIS)) {
    return false;
  }
  const { lexer, text } = machine;
  text.extendRun(lexer.end);
  const end = readPlainList(machine, list, start, start - lexer.end);
  if (end === 0) {
    if (list === LIST_OPERATOR || !opensNoList(machine.source, start + 1)) return false;
    const kind = list === LIST_ARRAY ? TOKEN_OPEN_BRACKET : TOKEN_OPEN;
    accept(machine, start + 1, kind, kind, kind, AFTER_OPERATOR);
    return true;
  }
  lexer.end = end;
  machine.plainState = (machine.plainState & COUNTING) | AFTER_OPERAND;
  return text.takesRest(end);
}

/** Leaves the last space of a longer gap, where no comment may follow. */
function readGap(machine: Machine, start: number): boolean {
  const { lexer, source, text } = machine;
  const { bytes } = source;
  let end = start + 1;
  while (CLASS[bytes[end] as number] === CHARACTER_SPACE) end += 1;
  const following = bytes[end];
  if (bytes[end - 1] !== SPACE || following === MINUS || following === SLASH) return false;
  if (following === SEMICOLON || following === 0) return false;
  if (!text.replace(lexer.end, '', end - 1)) return false;
  lexer.end = end - 1;
  return true;
}

function accept(
  machine: Machine,
  end: number,
  word1: number,
  word2: number,
  kind: number,
  after: number,
): void {
  machine.lexer.end = end;
  machine.hash.addWord(word1, word2);
  machine.lastKind = kind;
  machine.plainState = (machine.plainState & COUNTING) | after;
}
