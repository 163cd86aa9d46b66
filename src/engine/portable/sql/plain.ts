/**
 * The tokens that nearly all of a statement is made of, on a path of their own: names, numbers,
 * strings, parameters, punctuation and simple operators, a space between them at most, in one loop
 * with all that they touch in local variables; longer operators, lists of values and wider gaps one
 * at a time, in `plain-others.ts`.
 *
 * Both do for each token what `normalizer.ts` would, and nothing else, so that turning them off
 * changes nothing but time. What makes that true:
 *
 * 1. They start only where nothing is pending (no open list, sign, semicolon, setting, UESCAPE or
 *    E'…'), and stop before the first token that would leave anything so: before a sign, the
 *    bracket of a list that is not plain, the first word of a SET, NULL as a value, a glued name.
 * 2. They copy the source as it stands. All that is left of it fits into the text, so that no
 *    text is cut here; a value is replaced only where the rest still fits.
 * 3. They mix the words that the lexer would, and take the states that `states.ts` would.
 *
 * V8 reads an imported binding again at each use, and takes a table of the module for a constant
 * only outside of the loop: so each table is a constant of the module, and again one of the
 * function. `| 0` tells it that a number from a field or a call is an integer. The mixing is written
 * out, and for each length, as V8 takes only so much of other functions into one; what the loop
 * seldom needs is not in it, as each call has V8 keep the variables in memory.
 */
import { CHARACTER, CHARACTER_CLASS, CONTINUES_NAME } from './characters.ts';
import { LITERAL_CODE, QUOTED_CODE, WORD_SEED_1, WORD_SEED_2 } from './fingerprint.ts';
import { keywordClass } from './keywords.ts';
import { LIST } from './list.ts';
import type { Machine } from './machine.ts';
import { MEMORY } from './memory.ts';
import { numberEnd } from './numbers.ts';
import {
  LIST_OF_STATE,
  loadState,
  NEXT_STATE,
  STATE_COUNTING,
  STATE_LEAVES,
  stateIndex,
  storeState,
} from './plain-states.ts';
import { readPlainOther } from './plain-others.ts';
import { AFTER, SETTING, UNICODE } from './states.ts';
import { plainStringEnd } from './strings.ts';
import { placeholder } from './text.ts';
import { IS_NAME_LIKE, TOKEN } from './tokens.ts';

const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const AMPERSAND = 0x26;
const QUOTE = 0x27;
const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;
const COMMA = 0x2c;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const PARAMETER_DIGITS_MAX = 9;

const SEED_1: number = WORD_SEED_1;
const SEED_2: number = WORD_SEED_2;
const LITERAL: number = LITERAL_CODE;
const QUOTED: number = QUOTED_CODE;
const COUNTING: number = STATE_COUNTING;
const LEAVES: number = STATE_LEAVES;
const BYTES: Uint8Array = MEMORY;
const CLASS_OF: Uint8Array = CHARACTER_CLASS;
const NAME_LIKE: Uint8Array = IS_NAME_LIKE;
const NEXT: Uint8Array = NEXT_STATE;
const LISTS: Uint8Array = LIST_OF_STATE;

/** The bytes of a name without quotes, letters in lower case; 0 for the others. */
const FOLDED = new Uint8Array(256);
/** The ASCII bytes of a name; 0 for the others. */
const NAME_BYTE = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  if (CONTINUES_NAME[byte] !== 1) continue;
  FOLDED[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  NAME_BYTE[byte] = byte < 0x80 ? byte : 0;
}
/** 1 for the operators of one character that are never anything else. */
const IS_OPERATOR = new Uint8Array(256);
for (const character of '~!@#^&|`+*/<>=') IS_OPERATOR[character.charCodeAt(0)] = 1;
/** The token of a comma or bracket; 0 for the semicolon. */
const KIND_OF = new Uint8Array(256);
/** What may come after it. */
const AFTER_OF = new Uint8Array(256);
for (const [byte, kind, after] of [
  [COMMA, TOKEN.comma, AFTER.operator],
  [OPEN_PARENTHESIS, TOKEN.open, AFTER.operator],
  [CLOSE_PARENTHESIS, TOKEN.close, AFTER.operand],
  [OPEN_BRACKET, TOKEN.openBracket, AFTER.operator],
  [CLOSE_BRACKET, TOKEN.closeBracket, AFTER.operand],
] as const) {
  KIND_OF[byte] = kind;
  AFTER_OF[byte] = after;
}

const {
  cast: TOKEN_CAST,
  dot: TOKEN_DOT,
  end: TOKEN_END,
  number: TOKEN_NUMBER,
  operator: TOKEN_OPERATOR,
  parameter: TOKEN_PARAMETER,
  quoted: TOKEN_QUOTED,
  word: TOKEN_WORD,
} = TOKEN;
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
} = CHARACTER;
const { none: LIST_NONE } = LIST;
const { none: SETTING_NONE } = SETTING;
const { none: UNICODE_NONE } = UNICODE;
const { name: AFTER_NAME, operand: AFTER_OPERAND, operator: AFTER_OPERATOR } = AFTER;

function isPlain(machine: Machine): boolean {
  const { lexer, list, source, text } = machine;
  if (!machine.readsPlainly || source.bytes !== BYTES) return false;
  if (list.kind !== LIST_NONE || machine.setting !== SETTING_NONE) return false;
  if (machine.unicode !== UNICODE_NONE || machine.minusCount !== 0) return false;
  if (machine.hasSemicolon || machine.isOperatorName || lexer.isAfterEscapeString) return false;
  if (!text.takesRest(lexer.end)) return false;
  if (!machine.isStatementStart) return true;
  return (
    machine.lastKind === TOKEN_END && CLASS_OF[BYTES[lexer.end] as number] === CHARACTER_LETTER
  );
}

/** Reads on from the lexer's position while tokens are plain. */
export function readPlainTokens(machine: Machine): void {
  if (!isPlain(machine)) return;
  const { lexer, text } = machine;
  const start = lexer.end;
  machine.plainState = loadState(machine);
  do readTokens(machine);
  while (readPlainOther(machine));
  if (lexer.end === start) return;
  lexer.seekPast(lexer.end);
  text.extendRun(lexer.end);
  storeState(machine);
}

/** Reads on up to a token that takes more than this loop. */
function readTokens(machine: Machine): void {
  const { hash, lexer, text } = machine;
  const bytes = BYTES;
  const classOf = CLASS_OF;
  const folded = FOLDED;
  const nameByte = NAME_BYTE;
  const nextState = NEXT;
  const isNameLike = NAME_LIKE;
  const listOfState = LISTS;
  const kindOf = KIND_OF;
  const afterOf = AFTER_OF;
  const isOperator = IS_OPERATOR;
  let position = lexer.end | 0;
  let lane1 = hash.lane1 | 0;
  let lane2 = hash.lane2 | 0;
  let state = machine.plainState | 0;
  let lastKind = machine.lastKind | 0;
  let placeholderCount = machine.placeholderCount | 0;
  reading: for (;;) {
    let start = position;
    let byte = bytes[start] as number;
    if (byte === SPACE) byte = bytes[(start += 1)] as number;
    let end = start;
    let word1 = 0;
    let word2 = 0;
    switch (classOf[byte]) {
      case CHARACTER_LETTER: {
        if (start === position && isNameLike[lastKind] === 1) break reading;
        word1 = SEED_1;
        word2 = SEED_2;
        for (;;) {
          let group = folded[bytes[end] as number] as number;
          if (group === 0) break;
          const second = folded[bytes[end + 1] as number] as number;
          if (second === 0) {
            end += 1;
            word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ group, 0x9e3779b1);
            word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ group, 0x85ebca77);
            break;
          }
          group |= second << 8;
          const third = folded[bytes[end + 2] as number] as number;
          if (third === 0) {
            end += 2;
            word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ group, 0x9e3779b1);
            word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ group, 0x85ebca77);
            break;
          }
          group |= third << 16;
          const fourth = folded[bytes[end + 3] as number] as number;
          if (fourth === 0) {
            end += 3;
            word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ group, 0x9e3779b1);
            word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ group, 0x85ebca77);
            break;
          }
          group |= fourth << 24;
          end += 4;
          word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ group, 0x9e3779b1);
          word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ group, 0x85ebca77);
        }
        const following = bytes[end];
        if (following === QUOTE || following === AMPERSAND) break reading;
        const next = nextState[stateIndex(keywordClass(word1, word2), state)] as number;
        if (next === LEAVES) break reading;
        state = next;
        lastKind = TOKEN_WORD;
        break;
      }
      case CHARACTER_DOUBLE_QUOTE: {
        end += 1;
        word1 = SEED_1;
        word2 = SEED_2;
        let capitals = 0;
        for (;;) {
          let group = nameByte[bytes[end] as number] as number;
          if (group === 0) break;
          const second = nameByte[bytes[end + 1] as number] as number;
          if (second === 0) {
            end += 1;
            word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ group, 0x9e3779b1);
            word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ group, 0x85ebca77);
            capitals |= (group + 0x3f) & ~(group + 0x25);
            break;
          }
          group |= second << 8;
          const third = nameByte[bytes[end + 2] as number] as number;
          if (third === 0) {
            end += 2;
            word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ group, 0x9e3779b1);
            word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ group, 0x85ebca77);
            capitals |= (group + 0x3f3f) & ~(group + 0x2525);
            break;
          }
          group |= third << 16;
          const fourth = nameByte[bytes[end + 3] as number] as number;
          if (fourth === 0) {
            end += 3;
            word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ group, 0x9e3779b1);
            word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ group, 0x85ebca77);
            capitals |= (group + 0x3f3f3f) & ~(group + 0x252525);
            break;
          }
          group |= fourth << 24;
          end += 4;
          word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ group, 0x9e3779b1);
          word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ group, 0x85ebca77);
          capitals |= (group + 0x3f3f3f3f) & ~(group + 0x25252525);
        }
        if (bytes[end] !== DOUBLE_QUOTE || bytes[end + 1] === DOUBLE_QUOTE) break reading;
        if (
          (capitals & 0x80808080) !== 0 ||
          classOf[bytes[start + 1] as number] !== CHARACTER_LETTER ||
          keywordClass(word1, word2) !== 0
        ) {
          word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ QUOTED, 0x9e3779b1);
          word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ QUOTED, 0x85ebca77);
        }
        end += 1;
        state = (state & COUNTING) | AFTER_OPERAND;
        lastKind = TOKEN_QUOTED;
        break;
      }
      case CHARACTER_PUNCTUATION:
        word1 = kindOf[byte] as number;
        if (word1 === 0 || listOfState[state] !== 0) break reading;
        word2 = word1;
        end += 1;
        state = (state & COUNTING) | (afterOf[byte] as number);
        lastKind = word1;
        break;
      case CHARACTER_DOT: {
        const following = bytes[start + 1] as number;
        if (following === DOT || classOf[following] === CHARACTER_DIGIT) break reading;
        end += 1;
        state = (state & COUNTING) | AFTER_NAME;
        lastKind = TOKEN_DOT;
        word1 = TOKEN_DOT;
        word2 = TOKEN_DOT;
        break;
      }
      case CHARACTER_OPERATOR:
        if (isOperator[byte] === 0) break reading;
        if (classOf[bytes[start + 1] as number] === CHARACTER_OPERATOR) break reading;
        end += 1;
        word1 = byte;
        word2 = byte;
        state = (state & COUNTING) | AFTER_OPERATOR;
        lastKind = TOKEN_OPERATOR;
        break;
      case CHARACTER_COLON:
        if (bytes[start + 1] !== COLON) break reading;
        end += 2;
        state = (state & COUNTING) | AFTER_NAME;
        lastKind = TOKEN_CAST;
        word1 = TOKEN_CAST;
        word2 = TOKEN_CAST;
        break;
      case CHARACTER_DOLLAR: {
        if (start === position && isNameLike[lastKind] === 1) break reading;
        end += 1;
        let digit = bytes[end] as number;
        if (digit === ZERO) break reading;
        let number = 0;
        while (classOf[digit] === CHARACTER_DIGIT) {
          number = (number * 10 + digit - ZERO) | 0;
          digit = bytes[(end += 1)] as number;
        }
        // A number of more digits would overflow.
        if (number !== placeholderCount + 1 || end - start > PARAMETER_DIGITS_MAX) break reading;
        placeholderCount = number;
        word1 = LITERAL;
        word2 = LITERAL;
        state = (state & COUNTING) | AFTER_OPERAND;
        lastKind = TOKEN_PARAMETER;
        break;
      }
      case CHARACTER_DIGIT:
      case CHARACTER_QUOTE: {
        if (start === position && isNameLike[lastKind] === 1) break reading;
        end = (byte === QUOTE ? plainStringEnd(bytes, start) : numberEnd(bytes, start)) | 0;
        if (end === 0 || !text.replace(start, placeholder(placeholderCount + 1), end)) {
          break reading;
        }
        placeholderCount += 1;
        word1 = LITERAL;
        word2 = LITERAL;
        state = (state & COUNTING) | AFTER_OPERAND;
        lastKind = TOKEN_NUMBER;
        break;
      }
      default:
        break reading;
    }
    lane1 = Math.imul(((lane1 << 5) | (lane1 >>> 27)) ^ word1, 0x9e3779b1);
    lane2 = Math.imul(((lane2 << 7) | (lane2 >>> 25)) ^ word2, 0x85ebca77);
    position = end;
  }
  lexer.end = position;
  hash.lane1 = lane1;
  hash.lane2 = lane2;
  machine.plainState = state;
  machine.lastKind = lastKind;
  machine.placeholderCount = placeholderCount;
}
