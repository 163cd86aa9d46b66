/**
 * Lists of plain elements: numbers (`-1` too), parameters and strings without a backslash, perhaps
 * cast to a name (`$1::int`), NULL, TRUE, FALSE and in VALUES also DEFAULT, with nothing but a
 * comma and a space between them.
 *
 * Such a list is seen through to its end before any of it is written, so that only its first
 * element (or row) is; any other list is left to `list.ts`, untouched. What is read twice is read
 * by `list.ts` the second time, which does not come back here.
 */
import { CHARACTER, CHARACTER_CLASS, CONTINUES_NAME } from './characters.ts';
import { hashBytes, LIST_CODE } from './fingerprint.ts';
import { keywordEntry, WORD, WORD_BEFORE_OPERAND, WORD_MASK } from './keywords.ts';
import { LIST } from './list.ts';
import type { Machine } from './machine.ts';
import { numberEnd } from './numbers.ts';
import type { SqlSource } from './source.ts';
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
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const CLOSE_BRACKET = 0x5d;

const PARAMETER_DIGITS_MAX = 9;
/** `::` */
const CAST_BYTES = 2;
const DEFAULT_BYTES = 7;

// V8 knows the value of a constant of this module only, not that of an imported object.
const CLASS: Uint8Array = CHARACTER_CLASS;
const { digit: CHARACTER_DIGIT, letter: CHARACTER_LETTER } = CHARACTER;
const { none: GAP_NONE } = GAP;
const { array: LIST_ARRAY, in: LIST_IN, values: LIST_VALUES } = LIST;
const {
  close: TOKEN_CLOSE,
  number: TOKEN_NUMBER,
  parameter: TOKEN_PARAMETER,
  word: TOKEN_WORD,
} = TOKEN;
const { constant: WORD_CONSTANT, default: WORD_DEFAULT, none: WORD_NONE } = WORD;

const NAME = { word1: 0, word2: 0 };

/**
 * Reads the list that the bracket at `start` opens: of IN or ARRAY up to the bracket that closes
 * it, of VALUES up to the end of the last row.
 *
 * @param list which of `LIST`.
 * @returns where it ends; 0 for a list that is not plain: then nothing has happened.
 */
export function readPlainList(machine: Machine, list: number, start: number, gap: number): number {
  switch (list) {
    case LIST_IN:
      return readElements(machine, start, gap, CLOSE_PARENTHESIS);
    case LIST_ARRAY:
      return readElements(machine, start, gap, CLOSE_BRACKET);
    case LIST_VALUES:
      return readRows(machine, start, gap);
    default:
      return 0;
  }
}

function readElements(machine: Machine, start: number, gap: number, closingByte: number): number {
  const { source, text } = machine;
  const { bytes } = source;
  const firstEnd = elementEnd(source, start + 1, WORD_NONE);
  if (firstEnd === 0) return 0;
  let end = firstEnd;
  let count = 1;
  while (bytes[end] === COMMA) {
    end = elementEnd(source, end + 1, WORD_NONE);
    if (end === 0) return 0;
    count += 1;
  }
  if (bytes[end] !== closingByte) return 0;
  text.copy(start, start + 1, gap);
  writeElement(machine, start + 1);
  finish(machine, end, count, 0);
  return end;
}

function readRows(machine: Machine, start: number, gap: number): number {
  const { source, text } = machine;
  const { bytes } = source;
  const firstEnd = rowEnd(source, start + 1);
  if (firstEnd === 0) return 0;
  let end = firstEnd;
  let count = 1;
  while (bytes[end] === COMMA) {
    const open = bytes[end + 1] === SPACE ? end + 2 : end + 1;
    if (bytes[open] !== OPEN_PARENTHESIS) return 0;
    end = rowEnd(source, open + 1);
    if (end === 0) return 0;
    count += 1;
  }
  if (!endsRows(bytes, end)) return 0;
  let width = 0;
  let position = start;
  text.copy(start, start + 1, gap);
  do {
    position = writeElement(machine, position + 1);
    text.copy(position, position + 1, GAP_NONE);
    width += 1;
  } while (position + 1 < firstEnd);
  machine.lastKind = TOKEN_CLOSE;
  finish(machine, end, count, width);
  return end;
}

function finish(machine: Machine, end: number, count: number, width: number): void {
  if (count > 1) {
    machine.text.insertRest(end);
    machine.lastKind = TOKEN_WORD;
  }
  machine.hash.addCode(LIST_CODE + width * 8);
  machine.addListLength(count);
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

/** Behind the element and its cast. @param name see {@link valueEnd}. @returns 0 where none is. */
function elementEnd(source: SqlSource, position: number, name: number): number {
  const { bytes } = source;
  const start = bytes[position] === SPACE ? position + 1 : position;
  const end = valueEnd(source, start, name);
  if (bytes[end] !== COLON || end === 0) return end;
  // A sign that a cast follows is an operator; a cast of DEFAULT is no element.
  const byte = bytes[start] as number;
  return byte === MINUS || CLASS[byte] === CHARACTER_LETTER ? 0 : castEnd(bytes, end);
}

/** @param name a word that is an element too. @returns 0 where none is. */
function valueEnd(source: SqlSource, start: number, name: number): number {
  const { bytes } = source;
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

/** Behind a `::` and a name without quotes; 0 where the cast is another. */
function castEnd(bytes: Uint8Array, start: number): number {
  let end = start + CAST_BYTES;
  if (bytes[start + 1] !== COLON || CLASS[bytes[end] as number] !== CHARACTER_LETTER) return 0;
  while (CONTINUES_NAME[bytes[end] as number] === 1) end += 1;
  return end;
}

/** Whether the bracket before `position` opens a query, or else what no list begins with. */
export function opensNoList(source: SqlSource, position: number): boolean {
  const { bytes, view } = source;
  const start = bytes[position] === SPACE ? position + 1 : position;
  if (CLASS[bytes[start] as number] !== CHARACTER_LETTER) return false;
  let end = start + 1;
  while (CONTINUES_NAME[bytes[end] as number] === 1) end += 1;
  hashBytes(view, start, end, true, NAME);
  const entry = keywordEntry(NAME.word1, NAME.word2);
  return (entry & WORD_BEFORE_OPERAND) !== 0 && (entry & WORD_MASK) !== WORD_DEFAULT;
}

function wordOf(source: SqlSource, start: number, end: number): number {
  hashBytes(source.view, start, end, true, NAME);
  return keywordEntry(NAME.word1, NAME.word2) & WORD_MASK;
}

/** Writes an element of {@link elementEnd}'s. @returns its end. */
function writeElement(machine: Machine, position: number): number {
  const { source, text } = machine;
  const { bytes } = source;
  const gap = bytes[position] === SPACE ? 1 : 0;
  const start = position + gap;
  const byte = bytes[start] as number;
  const end = valueEnd(source, start, WORD_DEFAULT);
  // No other word that is an element has its length.
  if (CLASS[byte] === CHARACTER_LETTER && end - start === DEFAULT_BYTES) {
    text.copy(start, end, gap);
    return end;
  }
  const number = machine.placeholderCount + 1;
  machine.placeholderCount = number;
  machine.lastKind = byte === DOLLAR ? TOKEN_PARAMETER : TOKEN_NUMBER;
  if (byte === DOLLAR && parameterNumber(bytes, start, end) === number) text.copy(start, end, gap);
  else text.insert(placeholder(number), gap, end);
  if (bytes[end] !== COLON) return end;
  const behind = castEnd(bytes, end);
  text.copy(end, end + CAST_BYTES, GAP_NONE);
  text.copy(end + CAST_BYTES, behind, GAP_NONE);
  machine.lastKind = TOKEN_WORD;
  return behind;
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
