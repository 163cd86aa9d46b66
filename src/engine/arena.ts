/** What the readers of an arena share: copies of its words, and what is made of them. */
import type { HistogramSnapshot } from './engine.ts';
import { hasValidChecksum } from './checksum.ts';
import { histogramWordsOf, RECORD } from './layout.ts';
import type { HistogramShape } from './layout.ts';
import { highOf, lowOf, type ReadWords, readWord } from './words.ts';

/** Words of a copy, from `row` on. */
export interface Row {
  readonly halves: Uint32Array;
  readonly row: number;
}

/** Of a record that begins with its sequence: how many words, and which one is its checksum. */
export interface RecordShape {
  readonly words: number;
  readonly checksum: number;
}

/** How often what is being changed is looked at again. */
export const ATTEMPTS_MAX = 4;

/** One arena in the memory that `read` reads. */
export class ArenaCopier {
  /** Records that were found half-written or damaged, and left out. */
  tornCount = 0;
  readonly #read: ReadWords;
  readonly #firstWord: number;

  constructor(read: ReadWords, firstWord: number) {
    this.#read = read;
    this.#firstWord = firstWord;
  }

  copy(first: number, words: number): Uint32Array {
    const target = new BigUint64Array(words);
    this.#read(this.#firstWord + first, target);
    return new Uint32Array(target.buffer);
  }

  /**
   * The records that are whole, of a table of them.
   *
   * @param isTaken whether there is anything in a record.
   */
  records(
    first: number,
    count: number,
    shape: RecordShape,
    isTaken: (halves: Uint32Array, row: number) => boolean,
  ): Row[] {
    const words = count * shape.words;
    const halves = this.copy(first, words);
    const taken: number[] = [];
    for (let row = 0; row < words; row += shape.words) if (isTaken(halves, row)) taken.push(row);
    if (taken.length === 0) return [];
    const after = this.copy(first, words);
    const records: Row[] = [];
    for (const row of taken) {
      const record = isWhole(halves, after, row, shape)
        ? { halves, row }
        : this.#readAgain(first + row, shape, isTaken);
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  #readAgain(
    first: number,
    shape: RecordShape,
    isTaken: (halves: Uint32Array, row: number) => boolean,
  ): Row | undefined {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const halves = this.copy(first, shape.words);
      if (!isTaken(halves, 0)) return undefined;
      if (isWhole(halves, this.copy(first, shape.words), 0, shape)) return { halves, row: 0 };
    }
    this.tornCount += 1;
    return undefined;
  }
}

function isWhole(
  halves: Uint32Array,
  after: Uint32Array,
  row: number,
  { checksum }: RecordShape,
): boolean {
  const sequence = readWord(halves, row + RECORD.sequence);
  return (
    sequence % 2 === 0 &&
    readWord(after, row + RECORD.sequence) === sequence &&
    hasValidChecksum(halves, row, checksum)
  );
}

export function hexOf(halves: Uint32Array, word: number): string {
  const digits = (half: number): string => half.toString(16).padStart(8, '0');
  return digits(highOf(halves, word)) + digits(lowOf(halves, word));
}

/** UTF-8 from the beginning of a word on. */
export function textOf(halves: Uint32Array, word: number, bytes: number): string {
  const { buffer, byteOffset, byteLength } = halves;
  return Buffer.from(buffer, byteOffset, byteLength).toString('utf8', 8 * word, 8 * word + bytes);
}

/** Two counts of 32 bits to a word. */
export function histogramOf(
  halves: Uint32Array,
  firstWord: number,
  shape: HistogramShape,
  zeroCount: number,
): HistogramSnapshot {
  const start = 2 * firstWord;
  const end = start + 2 * histogramWordsOf(shape);
  let first = start;
  while (first < end && halves[first] === 0) first += 1;
  let last = end;
  while (last > first && halves[last - 1] === 0) last -= 1;
  const firstIndex = shape.exponentMin << shape.scale;
  return {
    scale: shape.scale,
    offset: first === end ? 0 : firstIndex + first - start,
    counts: Array.from(halves.subarray(first, last)),
    zeroCount,
  };
}
