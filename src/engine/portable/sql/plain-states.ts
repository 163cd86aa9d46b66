/**
 * What `states.ts` says of words, as a table: what may come next, which word was last and whether
 * a number may be signed make one state, and a class of keywords takes each state to the next.
 *
 * A state is what may come next (three bits, `AFTER`), the last word if anything depends on it
 * (three bits, an index of {@link TRACKED_WORDS}) and one bit, {@link STATE_COUNTING}.
 */
import { ENTRY_OF_CLASS, WORD, WORD_KEYWORD, WORD_MASK, WORD_SIGNED } from './keywords.ts';
import { LIST } from './list.ts';
import type { Machine } from './machine.ts';
import { AFTER, afterKeyword } from './states.ts';

const STATE_BITS = 7;
const STATE_COUNT = 1 << STATE_BITS;
/** The part of a state that holds one of `AFTER`. */
export const AFTER_MASK = 7;
const TRACKED_SHIFT = 3;
const TRACKED_MASK = 7;
/** Before the first word of a statement, in the place of one of `AFTER`. */
const AFTER_NOTHING = 7;

/** In CREATE, FETCH and MOVE: see {@link WORD_SIGNED}. */
export const STATE_COUNTING: number = 1 << (STATE_BITS - 1);
/** No state: the word is not plain here. */
export const STATE_LEAVES = 0xff;

const TRACKED_WORDS: readonly number[] = [
  WORD.none,
  WORD.in,
  WORD.values,
  WORD.operator,
  WORD.array,
  WORD.sorted,
  WORD.onNull,
];

/** Where a state holds each of `WORD`; 0 for those that nothing depends on. */
const trackedBits = new Uint8Array(256);
for (const [index, word] of TRACKED_WORDS.entries()) trackedBits[word] = index << TRACKED_SHIFT;

/** Those after which a statement's words are looked at: see `steering.ts`. */
const STEERING_WORDS: ReadonlySet<number> = new Set<number>([
  WORD.alter,
  WORD.moving,
  WORD.namedFirst,
  WORD.namedLast,
  WORD.rollback,
  WORD.set,
]);

function lastWordOf(state: number): number {
  return TRACKED_WORDS[(state >>> TRACKED_SHIFT) & TRACKED_MASK] ?? WORD.none;
}

function nextState(classEntry: number, state: number): number {
  const isFirst = (state & AFTER_MASK) === AFTER_NOTHING;
  const after = isFirst ? AFTER.operator : state & AFTER_MASK;
  const entry = after === AFTER.name ? 0 : classEntry;
  const word = entry & WORD_MASK;
  if (word === WORD.constant && after === AFTER.operator) return STATE_LEAVES;
  if (isFirst && STEERING_WORDS.has(word)) return STATE_LEAVES;
  const counting = isFirst && word === WORD.counting ? STATE_COUNTING : state & STATE_COUNTING;
  if ((entry & ~WORD_KEYWORD) === 0) return counting | AFTER.operand;
  const isSignNext = counting !== 0 && (entry & WORD_SIGNED) !== 0;
  const tracked = trackedBits[word === WORD.constant ? WORD.onNull : word] as number;
  return counting | tracked | afterKeyword(entry, after, lastWordOf(state), isSignNext);
}

/** The next state, by class of keywords and state: see {@link stateIndex}. */
export const NEXT_STATE: Uint8Array = new Uint8Array(ENTRY_OF_CLASS.length << STATE_BITS);
/** What {@link LIST_OF_STATE} holds for OPERATOR, whose parenthesis opens a name. */
export const LIST_OPERATOR = 4;
/** Which `LIST` a bracket opens in each state. */
export const LIST_OF_STATE: Uint8Array = new Uint8Array(256);

const LIST_OF_WORD: ReadonlyMap<number, number> = new Map<number, number>([
  [WORD.in, LIST.in],
  [WORD.values, LIST.values],
  [WORD.array, LIST.array],
  [WORD.operator, LIST_OPERATOR],
]);

for (let state = 0; state < STATE_COUNT; state += 1) {
  for (const [wordClass, entry] of ENTRY_OF_CLASS.entries()) {
    NEXT_STATE[stateIndex(wordClass, state)] = nextState(entry, state);
  }
  LIST_OF_STATE[state] = LIST_OF_WORD.get(lastWordOf(state)) ?? LIST.none;
}

export function stateIndex(wordClass: number, state: number): number {
  return (wordClass << STATE_BITS) | state;
}

export function loadState(machine: Machine): number {
  const after = machine.isStatementStart ? AFTER_NOTHING : machine.after;
  const counting = machine.isCounting ? STATE_COUNTING : 0;
  return counting | (trackedBits[machine.lastWord] as number) | after;
}

export function storeState(machine: Machine): void {
  const state = machine.plainState;
  machine.after = state & AFTER_MASK;
  machine.lastWord = lastWordOf(state);
  machine.isCounting = (state & STATE_COUNTING) !== 0;
  machine.isStatementStart = false;
}
