/** What statements are called. Arenas that are read together share one: most of them have the same. */
import { hexOf } from './arena.ts';
import type { StatementIdentity } from './engine.ts';
import { OTHER_NAME } from './layout.ts';

/** Beyond these it begins anew: statements that come and go must not fill the memory. */
const ENTRIES_MAX = 131_072;
const TEXT_BYTES_MAX = 64 * 2 ** 20;
const PLACES_FIRST = 4_096;

/** A text's share in the checksum of the row that it belongs to: see `native/src/checksum.zig`. */
export interface TextSum {
  readonly bytes: number;
  readonly low: number;
  readonly high: number;
}

/** One from which nothing is ever taken away. */
interface Edition {
  readonly identities: StatementIdentity[];
  readonly sums: TextSum[];
}

export class StatementDictionary {
  #edition: Edition = { identities: [], sums: [] };
  /** Fingerprints by entry: low half, high half. */
  #keys = new Uint32Array(0);
  /** Open addressing by fingerprint: an entry's number and 1. */
  #places = new Int32Array(0);
  #textBytes = 0;

  constructor() {
    this.#beginEdition();
  }

  /**
   * By entry. While it is the same list, entries keep their numbers.
   */
  get identities(): readonly StatementIdentity[] {
    return this.#edition.identities;
  }

  /** To be called before entries are looked up for one more arena. */
  trim(): void {
    const { length } = this.#edition.identities;
    if (length > ENTRIES_MAX || this.#textBytes > TEXT_BYTES_MAX) this.#beginEdition();
  }

  /** @returns -1 for a fingerprint that is not known. */
  find(low: number, high: number): number {
    const mask = this.#places.length - 1;
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const entry = (this.#places[place] ?? 0) - 1;
      if (entry === -1) return -1;
      if (this.#keys[2 * entry] === low && this.#keys[2 * entry + 1] === high) return entry;
    }
  }

  sumOf(entry: number): TextSum | undefined {
    return this.#edition.sums[entry];
  }

  /** @returns the entry of the fingerprint; the text of one that was there before stays. */
  add(low: number, high: number, text: string, sum: TextSum): number {
    const known = this.find(low, high);
    if (known !== -1) return known;
    const { identities, sums } = this.#edition;
    const entry = identities.length;
    if (2 * (entry + 1) > this.#places.length) this.#grow();
    this.#keys[2 * entry] = low;
    this.#keys[2 * entry + 1] = high;
    identities.push({ fingerprint: hexOf(this.#keys, entry), text });
    sums.push(sum);
    this.#textBytes += sum.bytes;
    this.#enter(entry);
    return entry;
  }

  #beginEdition(): void {
    this.#edition = { identities: [], sums: [] };
    this.#textBytes = 0;
    this.#keys = new Uint32Array(PLACES_FIRST);
    this.#places = new Int32Array(PLACES_FIRST);
    // Row 0 of every arena, which has neither.
    this.add(0, 0, OTHER_NAME, { bytes: 0, low: 0, high: 0 });
  }

  #grow(): void {
    const keys = new Uint32Array(2 * this.#keys.length);
    keys.set(this.#keys);
    this.#keys = keys;
    this.#places = new Int32Array(2 * this.#places.length);
    for (let entry = 0; entry < this.#edition.identities.length; entry += 1) this.#enter(entry);
  }

  #enter(entry: number): void {
    const mask = this.#places.length - 1;
    let place = (this.#keys[2 * entry] ?? 0) & mask;
    while (this.#places[place] !== 0) place = (place + 1) & mask;
    this.#places[place] = entry + 1;
  }
}
