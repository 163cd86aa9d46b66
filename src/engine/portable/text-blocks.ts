import type { ChecksumSum } from '../checksum.ts';
import { TEXT_BLOCK, textBlockCountOf } from '../layout.ts';
import type { ArenaLayout } from '../layout.ts';
import { highOf, lowOf, writeWord } from '../words.ts';

/** Texts in chains of blocks, numbered from 1 on, as the native engine keeps them. */
export class TextBlocks {
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #first: number;
  readonly #blockCount: number;
  /** The next block in a text's chain or in that of the free ones, by number. */
  readonly #next: Uint32Array;
  #freeFirst = 1;
  #freeCount: number;

  constructor(words: Uint32Array, layout: ArenaLayout) {
    this.#words = words;
    this.#bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    this.#first = layout.textBlocks;
    this.#blockCount = textBlockCountOf(layout.capacities);
    this.#next = Uint32Array.from({ length: this.#blockCount + 1 }, (_, number) =>
      number === 0 || number === this.#blockCount ? 0 : number + 1,
    );
    this.#freeCount = this.#blockCount;
  }

  static countFor(bytes: number): number {
    return Math.ceil(bytes / TEXT_BLOCK.textBytes);
  }

  get count(): number {
    return this.#blockCount;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  /**
   * Stores a text for which there are free blocks.
   *
   * @param sum gets the text's words, from number `firstPlace` on.
   * @returns the number of the first block; 0 for an empty text.
   */
  store(text: Uint8Array, sum: ChecksumSum, firstPlace: number): number {
    const count = TextBlocks.countFor(text.length);
    const first = this.#freeFirst;
    let number = first;
    let place = firstPlace;
    for (let index = 0; index < count; index += 1) {
      const part = text.subarray(index * TEXT_BLOCK.textBytes, (index + 1) * TEXT_BLOCK.textBytes);
      const following = this.#next[number] ?? 0;
      const isLast = index === count - 1;
      const block = this.#blockAt(number);
      writeWord(this.#words, block + TEXT_BLOCK.next, isLast ? 0 : following);
      const wordCount = Math.ceil(part.length / 8);
      const start = block + TEXT_BLOCK.text;
      if (wordCount > 0) writeWord(this.#words, start + wordCount - 1, 0);
      this.#bytes.set(part, 8 * start);
      for (let word = start; word < start + wordCount; word += 1) {
        sum.add(place, lowOf(this.#words, word), highOf(this.#words, word));
        place += 1;
      }
      this.#freeFirst = following;
      if (isLast) this.#next[number] = 0;
      number = following;
    }
    this.#freeCount -= count;
    return count === 0 ? 0 : first;
  }

  free(first: number): void {
    let number = first;
    while (number !== 0) {
      const following = this.#next[number] ?? 0;
      this.#next[number] = this.#freeFirst;
      this.#freeFirst = number;
      this.#freeCount += 1;
      number = following;
    }
  }

  /** Takes the chains that lie in the arena already; all other blocks become free. */
  restore(firstBlocks: Iterable<number>): void {
    const isUsed = new Uint8Array(this.#blockCount + 1);
    for (const first of firstBlocks) {
      let number = first;
      while (number > 0 && number <= this.#blockCount && isUsed[number] === 0) {
        isUsed[number] = 1;
        const following = lowOf(this.#words, this.#blockAt(number) + TEXT_BLOCK.next);
        this.#next[number] = following;
        number = following;
      }
    }
    this.#freeFirst = 0;
    this.#freeCount = 0;
    for (let number = this.#blockCount; number > 0; number -= 1)
      if (isUsed[number] === 0) {
        this.#next[number] = this.#freeFirst;
        this.#freeFirst = number;
        this.#freeCount += 1;
      }
  }

  #blockAt(number: number): number {
    return this.#first + (number - 1) * TEXT_BLOCK.words;
  }
}
