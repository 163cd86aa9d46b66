/**
 * Remembers which statement a raw text is, so that only unseen texts are normalised.
 *
 * A `Map` would hash all of a text that was just built, which costs more than comparing it: here
 * its length and a few of its characters choose a set, and comparison decides. Bounded: in a full
 * set what came first goes first, so that texts with ever new values in them displace each other
 * rather than everything else.
 */

/** A longer text is normalised each time: its copy here would cost more than that. */
const CACHED_TEXT_CHARACTERS_MAX = 8192;

const SET_SIZE = 8;
const SAMPLES_SHIFT = 3;
const SAMPLE_COUNT = 1 << SAMPLES_SHIFT;

/** Of the length and of characters evenly spread, the last among them. */
function sampledHash(text: string): number {
  const last = text.length - 1;
  let hash = text.length;
  for (let sample = 1; sample <= SAMPLE_COUNT; sample += 1) {
    const unit = text.charCodeAt((last * sample) >> SAMPLES_SHIFT);
    hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ unit, 0x9e3779b1);
  }
  return hash;
}

export class TextCache {
  readonly #texts: (string | undefined)[];
  readonly #hashes: Int32Array;
  readonly #ids: Uint32Array;
  /** Where the next text of each set goes. */
  readonly #cursors: Uint8Array;
  // A product is random in its upper bits only.
  readonly #setShift: number;

  /** @param capacity how many texts are kept at most; rounded up to a power of two. */
  constructor(capacity: number) {
    const setBits = Math.max(1, Math.ceil(Math.log2(capacity / SET_SIZE)));
    const slotCount = SET_SIZE << setBits;
    this.#texts = new Array<undefined>(slotCount).fill(undefined);
    this.#hashes = new Int32Array(slotCount);
    this.#ids = new Uint32Array(slotCount);
    this.#cursors = new Uint8Array(1 << setBits);
    this.#setShift = 32 - setBits;
  }

  get(text: string): number | undefined {
    const slot = this.#find(text, sampledHash(text));
    return slot < 0 ? undefined : this.#ids[slot];
  }

  /** Replaces what was kept for the same text: a statement's row may have gone to another. */
  put(text: string, statementId: number): void {
    if (text.length > CACHED_TEXT_CHARACTERS_MAX) return;
    const hash = sampledHash(text);
    let slot = this.#find(text, hash);
    if (slot < 0) {
      const set = hash >>> this.#setShift;
      const cursor = this.#cursors[set] as number;
      slot = set * SET_SIZE + cursor;
      this.#cursors[set] = (cursor + 1) % SET_SIZE;
      this.#texts[slot] = text;
      this.#hashes[slot] = hash;
    }
    this.#ids[slot] = statementId;
  }

  /** -1 where there is none. */
  #find(text: string, hash: number): number {
    const start = (hash >>> this.#setShift) * SET_SIZE;
    for (let slot = start; slot < start + SET_SIZE; slot += 1) {
      if (this.#hashes[slot] === hash && this.#texts[slot] === text) return slot;
    }
    return -1;
  }
}
