import { IN_FLIGHT_QUERY } from '../layout.ts';
import { readWord, writeWord } from '../words.ts';
import { NO_HANDLE } from '../engine.ts';

/** The bits of a handle, as in `native/src/in_flight.zig`: slot, generation, kind, recorder. */
const SLOT_COUNT_MAX = 2 ** 16;
const GENERATION_COUNT = 2 ** 28;
const KIND_FACTOR = SLOT_COUNT_MAX * GENERATION_COUNT;

export const HANDLE_KIND = { query: 0, request: 1 } as const;
export type HandleKind = (typeof HANDLE_KIND)[keyof typeof HANDLE_KIND];

const { sequence: SEQUENCE, handle: HANDLE } = IN_FLIGHT_QUERY;
const PAYLOAD = HANDLE + 1;

/** What has begun and not yet ended: a table of slots in the arena. */
export class InFlightTable {
  readonly #words: Uint32Array;
  readonly #first: number;
  readonly #slotWords: number;
  readonly #slotCount: number;
  readonly #free: number[];
  readonly #handleBase: number;

  /** @param tag of the recorder, from 1 to 255. */
  constructor(
    words: Uint32Array,
    first: number,
    slotCount: number,
    slotWords: number,
    kind: HandleKind,
    tag: number,
  ) {
    this.#words = words;
    this.#first = first;
    this.#slotWords = slotWords;
    this.#slotCount = slotCount;
    this.#free = Array.from({ length: slotCount }, (_, index) => slotCount - 1 - index);
    this.#handleBase = (tag * 2 + kind) * KIND_FACTOR;
  }

  /** @returns where the payload goes, or -1 where every slot is taken. */
  begin(): number {
    const slot = this.#free.pop();
    if (slot === undefined) return -1;
    const start = this.#first + slot * this.#slotWords;
    const sequence = readWord(this.#words, start + SEQUENCE);
    const generation = (sequence / 2) % GENERATION_COUNT;
    const handle = this.#handleBase + generation * SLOT_COUNT_MAX + slot;
    writeWord(this.#words, start + SEQUENCE, sequence + 1);
    writeWord(this.#words, start + HANDLE, handle);
    return start + PAYLOAD;
  }

  /** Closes what {@link begin} opened. */
  publish(payload: number): number {
    const start = payload - PAYLOAD;
    writeWord(this.#words, start + SEQUENCE, readWord(this.#words, start + SEQUENCE) + 1);
    return readWord(this.#words, start + HANDLE);
  }

  /** @returns where the payload of a handle in flight lies, or -1 for any other number. */
  find(handle: number): number {
    const slot = handle % SLOT_COUNT_MAX;
    if (handle === NO_HANDLE || slot >= this.#slotCount) return -1;
    const start = this.#first + slot * this.#slotWords;
    return readWord(this.#words, start + HANDLE) === handle ? start + PAYLOAD : -1;
  }

  end(handle: number): void {
    const payload = this.find(handle);
    if (payload === -1) return;
    writeWord(this.#words, payload - PAYLOAD + HANDLE, NO_HANDLE);
    this.#free.push(handle % SLOT_COUNT_MAX);
  }
}
