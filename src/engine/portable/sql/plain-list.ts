/**
 * Lists of plain elements: numbers (`-1` too), parameters, strings without a backslash, NULL, TRUE,
 * FALSE and in VALUES also DEFAULT, with nothing but a comma and a space between them.
 *
 * Such a list is seen through to its end before any of it is written, so that only its first
 * element (or row) is; any other list is left to `list.ts`, untouched. What is read twice is read
 * by `list.ts` the second time, which does not come back here.
 */
import { CHARACTER, CHARACTER_CLASS, CONTINUES_NAME } from './characters.ts';
import { hashBytes, LIST_CODE } from './fingerprint.ts';
import { keywordEntry, WORD, WORD_MASK } from './keywords.ts';
import type { Machine } from './machine.ts';
import { numberEnd } from './numbers.ts';
import type { SqlSource } from './source.ts';
import { AFTER, SETTING } from './states.ts';
import { plainStringEnd } from './strings.ts';
import { placeholder } from './text.ts';
import { GAP, TOKEN } from './tokens.ts';

const SPACE = 0x20;
const DOLLAR = 0x24;
const QUOTE = 0x27;
const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const SEMICOLON = 0x3b;

const PARAMETER_DIGITS_MAX = 9;

// V8 knows the value of a constant of this module only, not that of an imported object.
const CLASS: Uint8Array = CHARACTER_CLASS;
const { digit: CHARACTER_DIGIT, letter: CHARACTER_LETTER } = CHARACTER;
const { none: GAP_NONE } = GAP;
const { constant: WORD_CONSTANT, default: WORD_DEFAULT, none: WORD_NONE } = WORD;

const NAME = { word1: 0, word2: 0 };

/**
 * Reads the list of IN or ARRAY that the lexer's token opens, up to the bracket that closes it.
 *
 * @returns false for a list that is not plain: then nothing has happened.
 */
export function readPlainElements(machine: Machine, closingByte: number): boolean {
  if (!isPlain(machine)) return false;
  const { lexer, source, text } = machine;
  const { bytes } = source;
  const firstEnd = elementEnd(source, lexer.end, WORD_NONE);
  if (firstEnd === 0) return false;
  let end = firstEnd;
  let count = 1;
  while (bytes[end] === COMMA) {
    end = elementEnd(source, end + 1, WORD_NONE);
    if (end === 0) return false;
    count += 1;
  }
  if (bytes[end] !== closingByte) return false;
  text.copy(lexer.start, lexer.end, lexer.gap);
  writeElement(machine, lexer.end, firstEnd);
  finish(machine, end, count, 0);
  return true;
}

/** Reads the rows of VALUES likewise, up to the end of the last one. */
export function readPlainRows(machine: Machine): boolean {
  if (!isPlain(machine)) return false;
  const { lexer, source, text } = machine;
  const { bytes } = source;
  const firstEnd = rowEnd(source, lexer.end);
  if (firstEnd === 0) return false;
  let end = firstEnd;
  let count = 1;
  while (bytes[end] === COMMA) {
    const open = bytes[end + 1] === SPACE ? end + 2 : end + 1;
    if (bytes[open] !== OPEN_PARENTHESIS) return false;
    end = rowEnd(source, open + 1);
    if (end === 0) return false;
    count += 1;
  }
  if (!endsRows(bytes, end)) return false;
  let width = 0;
  let position = lexer.start;
  text.copy(lexer.start, lexer.end, lexer.gap);
  do {
    const following = elementEnd(source, position + 1, WORD_DEFAULT);
    writeElement(machine, position + 1, following);
    text.copy(following, following + 1, GAP_NONE);
    position = following;
    width += 1;
  } while (position + 1 < firstEnd);
  machine.lastKind = TOKEN.close;
  finish(machine, end, count, width);
  return true;
}

function isPlain(machine: Machine): boolean {
  return machine.readsPlainly && machine.setting === SETTING.none && !machine.isOperatorName;
}

function finish(machine: Machine, end: number, count: number, width: number): void {
  if (count > 1) {
    machine.text.insertRest(end);
    machine.lastKind = TOKEN.word;
  }
  machine.hash.addCode(LIST_CODE + width * 8);
  machine.addListLength(count);
  machine.after = AFTER.operand;
  machine.lastWord = WORD.none;
  machine.isStatementStart = false;
  machine.lexer.seekPast(end);
}

/** Behind the bracket that closes a row; 0 where it is not plain. */
function rowEnd(source: SqlSource, start: number): number {
  const { bytes } = source;
  let end = elementEnd(source, start, WORD_DEFAULT);
  while (end !== 0 && bytes[end] === COMMA) end = elementEnd(source, end + 1, WORD_DEFAULT);
  return end !== 0 && bytes[end] === CLOSE_PARENTHESIS ? end + 1 : 0;
}

/** Whether what follows the rows ends them; a sign would not, a comma goes on. */
function endsRows(bytes: Uint8Array, end: number): boolean {
  const byte = bytes[bytes[end] === SPACE ? end + 1 : end] as number;
  if (CLASS[byte] === CHARACTER_LETTER) return true;
  return byte === 0 || byte === CLOSE_PARENTHESIS || byte === SEMICOLON;
}

/** @param name a word that is an element too. @returns 0 where none is. */
function elementEnd(source: SqlSource, position: number, name: number): number {
  const { bytes } = source;
  const start = bytes[position] === SPACE ? position + 1 : position;
  const byte = bytes[start] as number;
  if (CLASS[byte] === CHARACTER_DIGIT) return numberEnd(bytes, start);
  if (byte === MINUS && CLASS[bytes[start + 1] as number] === CHARACTER_DIGIT) {
    return numberEnd(bytes, start + 1);
  }
  if (byte === QUOTE) return plainStringEnd(bytes, start);
  let end = start + 1;
  if (byte === DOLLAR) {
    while (CLASS[bytes[end] as number] === CHARACTER_DIGIT) end += 1;
    return end === start + 1 ? 0 : end;
  }
  if (CLASS[byte] !== CHARACTER_LETTER) return 0;
  while (CONTINUES_NAME[bytes[end] as number] === 1) end += 1;
  const word = wordOf(source, start, end);
  return word === WORD_CONSTANT || (word === name && name !== WORD_NONE) ? end : 0;
}

function wordOf(source: SqlSource, start: number, end: number): number {
  hashBytes(source.view, start, end, true, NAME);
  return keywordEntry(NAME.word1, NAME.word2) & WORD_MASK;
}

/** Writes an element of {@link elementEnd}'s. */
function writeElement(machine: Machine, position: number, end: number): void {
  const { source, text } = machine;
  const { bytes } = source;
  const gap = bytes[position] === SPACE ? 1 : 0;
  const start = position + gap;
  const byte = bytes[start] as number;
  if (CLASS[byte] === CHARACTER_LETTER && wordOf(source, start, end) === WORD_DEFAULT) {
    text.copy(start, end, gap);
    return;
  }
  const number = machine.placeholderCount + 1;
  machine.placeholderCount = number;
  machine.lastKind = byte === DOLLAR ? TOKEN.parameter : TOKEN.number;
  if (byte === DOLLAR && parameterNumber(bytes, start, end) === number) text.copy(start, end, gap);
  else text.insert(placeholder(number), gap, end);
}

/** The n of a `$n` that `String(n)` would write alike; otherwise -1. */
function parameterNumber(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start + 1] === ZERO || end - start - 1 > PARAMETER_DIGITS_MAX) return -1;
  let value = 0;
  for (let index = start + 1; index < end; index += 1) {
    value = value * 10 + (bytes[index] as number) - ZERO;
  }
  return value;
}
