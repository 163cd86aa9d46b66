/**
 * The tokens that nearly all of a statement is made of, in one loop with all that they touch in
 * local variables: names, numbers, strings, parameters, operators and punctuation, a space between
 * them at most.
 *
 * It does for each what `normalizer.ts` would, and nothing else, so that turning it off changes
 * nothing but time. What makes that true:
 *
 * 1. It starts only where nothing is pending (no open list, sign, semicolon, setting, UESCAPE or
 *    E'…'), and stops before the first token that would leave anything so: before a minus, the
 *    bracket of a list, the first word of a SET, NULL as a value, a glued name.
 * 2. It copies the source as it stands. All that is left of it fits into the text, so that no
 *    text is cut here; a value is replaced only where the rest still fits.
 * 3. It mixes the words that the lexer would, and takes the states that `states.ts` would.
 *
 * V8 reads an imported binding again at each use, and takes a table of the module for a constant
 * only outside of the loop: so each table is a constant of the module, and again one of the
 * function. `| 0` tells it that a number from a field or a call is an integer. The mixing is
 * written out, and for each length, as V8 takes only so much of other functions into one.
 */
import { CHARACTER, CHARACTER_CLASS, CONTINUES_NAME } from './characters.ts';
import { LITERAL_CODE, QUOTED_CODE, WORD_SEED_1, WORD_SEED_2 } from './fingerprint.ts';
import { keywordClass } from './keywords.ts';
import { LIST } from './list.ts';
import type { Machine } from './machine.ts';
import { MEMORY } from './memory.ts';
import { numberEnd } from './numbers.ts';
import {
  loadState,
  NEXT_STATE,
  OPENS_ARRAY,
  OPENS_PARENTHESIS,
  STATE_COUNTING,
  STATE_LEAVES,
  stateIndex,
  storeState,
} from './plain-states.ts';
import { AFTER, SETTING, UNICODE } from './states.ts';
import { plainStringEnd } from './strings.ts';
import { placeholder } from './text.ts';
import { IS_NAME_LIKE, NOT_EQUALS_CODE, TOKEN } from './tokens.ts';

const SPACE = 0x20;
const EXCLAMATION_MARK = 0x21;
const DOUBLE_QUOTE = 0x22;
const PERCENT = 0x25;
const AMPERSAND = 0x26;
const QUOTE = 0x27;
const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const EQUALS = 0x3d;
const QUESTION_MARK = 0x3f;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const PARAMETER_DIGITS_MAX = 9;

const SEED_1: number = WORD_SEED_1;
const SEED_2: number = WORD_SEED_2;
const LITERAL: number = LITERAL_CODE;
const QUOTED: number = QUOTED_CODE;
const NOT_EQUALS: number = NOT_EQUALS_CODE;
const COUNTING: number = STATE_COUNTING;
const LEAVES: number = STATE_LEAVES;
const BYTES: Uint8Array = MEMORY;
const CLASS_OF: Uint8Array = CHARACTER_CLASS;
const NAME_LIKE: Uint8Array = IS_NAME_LIKE;
const NEXT: Uint8Array = NEXT_STATE;
const OPENING_PARENTHESIS: Uint8Array = OPENS_PARENTHESIS;
const OPENING_BRACKET: Uint8Array = OPENS_ARRAY;

/** The bytes of a name without quotes, letters in lower case; 0 for the others. */
const FOLDED = new Uint8Array(256);
/** The ASCII bytes of a name; 0 for the others. */
const NAME_BYTE = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  if (CONTINUES_NAME[byte] !== 1) continue;
  FOLDED[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  NAME_BYTE[byte] = byte < 0x80 ? byte : 0;
}
/** 1 for what an operator of two characters is made of here. */
const IN_PAIR = new Uint8Array(256);
for (const character of '<>=|') IN_PAIR[character.charCodeAt(0)] = 1;

const {
  cast: TOKEN_CAST,
  close: TOKEN_CLOSE,
  comma: TOKEN_COMMA,
  closeBracket: TOKEN_CLOSE_BRACKET,
  dot: TOKEN_DOT,
  number: TOKEN_NUMBER,
  open: TOKEN_OPEN,
  openBracket: TOKEN_OPEN_BRACKET,
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
const { name: AFTER_NAME, operand: AFTER_OPERAND, operator: AFTER_OPERATOR } = AFTER;

function isPlain(machine: Machine): boolean {
  if (!machine.readsPlainly || machine.list.kind !== LIST.none) return false;
  if (machine.setting !== SETTING.none || machine.unicode !== UNICODE.none) return false;
  if (machine.minusCount !== 0 || machine.hasSemicolon || machine.isOperatorName) return false;
  const { lexer, source, text } = machine;
  if (source.bytes !== MEMORY) return false;
  if (lexer.isAfterEscapeString || !text.takesRest(lexer.end)) return false;
  if (!machine.isStatementStart) return true;
  const first = source.bytes[lexer.end] as number;
  return machine.lastKind === TOKEN.end && CHARACTER_CLASS[first] === CHARACTER.letter;
}

/** Reads on from the lexer's position while tokens are plain. */
export function readPlainTokens(machine: Machine): void {
  if (!isPlain(machine)) return;
  const lexer = machine.lexer;
  const text = machine.text;
  const bytes = BYTES;
  const classOf = CLASS_OF;
  const folded = FOLDED;
  const nameByte = NAME_BYTE;
  const nextState = NEXT;
  const isNameLike = NAME_LIKE;
  const opensParenthesis = OPENING_PARENTHESIS;
  const opensArray = OPENING_BRACKET;
  const inPair = IN_PAIR;
  const firstPosition = lexer.end | 0;
  let position = firstPosition;
  let lane1 = machine.hash.lane1 | 0;
  let lane2 = machine.hash.lane2 | 0;
  const counting = machine.isCounting ? COUNTING : 0;
  let state = loadState(machine);
  let lastKind = machine.lastKind | 0;
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
        if (bytes[end] === DOUBLE_QUOTE && bytes[end + 1] !== DOUBLE_QUOTE) {
          if (
            (capitals & 0x80808080) !== 0 ||
            classOf[bytes[start + 1] as number] !== CHARACTER_LETTER ||
            keywordClass(word1, word2) !== 0
          ) {
            word1 = Math.imul(((word1 << 5) | (word1 >>> 27)) ^ QUOTED, 0x9e3779b1);
            word2 = Math.imul(((word2 << 7) | (word2 >>> 25)) ^ QUOTED, 0x85ebca77);
          }
          end += 1;
        } else {
          end = lexer.quotedEnd(start + 1) | 0;
          if (end === 0) break reading;
          word1 = lexer.word1 | 0;
          word2 = lexer.word2 | 0;
        }
        state = counting | AFTER_OPERAND;
        lastKind = TOKEN_QUOTED;
        break;
      }
      case CHARACTER_PUNCTUATION:
        end += 1;
        switch (byte) {
          case COMMA:
            lastKind = TOKEN_COMMA;
            state = counting | AFTER_OPERATOR;
            word1 = TOKEN_COMMA;
            break;
          case OPEN_PARENTHESIS:
            if (opensParenthesis[state] === 1) {
              break reading;
            }
            lastKind = TOKEN_OPEN;
            state = counting | AFTER_OPERATOR;
            word1 = TOKEN_OPEN;
            break;
          case CLOSE_PARENTHESIS:
            lastKind = TOKEN_CLOSE;
            state = counting | AFTER_OPERAND;
            word1 = TOKEN_CLOSE;
            break;
          case OPEN_BRACKET:
            if (opensArray[state] === 1) break reading;
            lastKind = TOKEN_OPEN_BRACKET;
            state = counting | AFTER_OPERATOR;
            word1 = TOKEN_OPEN_BRACKET;
            break;
          case CLOSE_BRACKET:
            lastKind = TOKEN_CLOSE_BRACKET;
            state = counting | AFTER_OPERAND;
            word1 = TOKEN_CLOSE_BRACKET;
            break;
          default:
            break reading;
        }
        word2 = word1;
        break;
      case CHARACTER_DOT: {
        const following = bytes[start + 1] as number;
        if (following === DOT || classOf[following] === CHARACTER_DIGIT) break reading;
        end += 1;
        state = counting | AFTER_NAME;
        lastKind = TOKEN_DOT;
        word1 = TOKEN_DOT;
        word2 = TOKEN_DOT;
        break;
      }
      case CHARACTER_OPERATOR: {
        const following = bytes[start + 1] as number;
        end += 1;
        word1 = byte;
        if (classOf[following] === CHARACTER_OPERATOR) {
          if (classOf[bytes[start + 2] as number] === CHARACTER_OPERATOR) break reading;
          if (inPair[byte] === 1 && inPair[following] === 1) word1 |= following << 8;
          else if (byte === EXCLAMATION_MARK && following === EQUALS) word1 = NOT_EQUALS;
          else break reading;
          end += 1;
        } else if (byte === MINUS || byte === QUESTION_MARK || byte === PERCENT) {
          break reading;
        }
        word2 = word1;
        state = counting | AFTER_OPERATOR;
        lastKind = TOKEN_OPERATOR;
        break;
      }
      case CHARACTER_COLON:
        if (bytes[start + 1] !== COLON) break reading;
        end += 2;
        state = counting | AFTER_NAME;
        lastKind = TOKEN_CAST;
        word1 = TOKEN_CAST;
        word2 = TOKEN_CAST;
        break;
      case CHARACTER_DOLLAR: {
        if (start === position && isNameLike[lastKind] === 1) break reading;
        end += 1;
        let digit = bytes[end] as number;
        if (classOf[digit] !== CHARACTER_DIGIT || digit === ZERO) break reading;
        let number = 0;
        while (classOf[digit] === CHARACTER_DIGIT) {
          number = (number * 10 + digit - ZERO) | 0;
          digit = bytes[(end += 1)] as number;
        }
        if (end - start - 1 > PARAMETER_DIGITS_MAX) break reading;
        if (number !== machine.placeholderCount + 1) {
          if (!text.replace(start, placeholder(machine.placeholderCount + 1), end)) break reading;
        }
        machine.placeholderCount += 1;
        word1 = LITERAL;
        word2 = LITERAL;
        state = counting | AFTER_OPERAND;
        lastKind = TOKEN_PARAMETER;
        break;
      }
      case CHARACTER_DIGIT:
      case CHARACTER_QUOTE: {
        if (start === position && isNameLike[lastKind] === 1) break reading;
        end = (byte === QUOTE ? plainStringEnd(bytes, start) : numberEnd(bytes, start)) | 0;
        if (end === 0) break reading;
        const number = machine.placeholderCount + 1;
        if (!text.replace(start, placeholder(number), end)) break reading;
        machine.placeholderCount = number;
        word1 = LITERAL;
        word2 = LITERAL;
        state = counting | AFTER_OPERAND;
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
  if (position === firstPosition) return;
  lexer.seekPast(position);
  text.extendRun(position);
  machine.hash.lane1 = lane1;
  machine.hash.lane2 = lane2;
  machine.lastKind = lastKind;
  storeState(machine, state);
}
