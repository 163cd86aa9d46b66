import { routeCheckOf } from '../checksum.ts';
import { NO_HANDLE } from '../engine.ts';
import { IN_FLIGHT } from '../layout.ts';
import { readWord, storeHalves, writeWord } from '../words.ts';
import { beginRewrite, endRecord } from './record.ts';

/** The bits of a handle, as in `native/src/in_flight.zig`: slot, generation, kind, recorder. */
const SLOT_COUNT_MAX = 2 ** 16;
const GENERATION_COUNT = 2 ** 28;
const KIND_FACTOR = SLOT_COUNT_MAX * GENERATION_COUNT;

export const HANDLE_KIND = { query: 0, request: 1 } as const;
export type HandleKind = (typeof HANDLE_KIND)[keyof typeof HANDLE_KIND];

const { sequence: SEQUENCE, handle: HANDLE, route: ROUTE } = IN_FLIGHT;

/** What has begun and not yet ended: a table of slots in the arena. */
export class InFlightTable {
  readonly #words: Uint32Array;
  readonly #first: number;
  readonly #slotCount: number;
  readonly #free: number[];
  readonly #handleBase: number;

  /**
   * Frees every slot: what another thread had in flight here has ended with it.
   *
   * @param tag of the recorder, from 1 to 255.
   */
  constructor(words: Uint32Array, first: number, slotCount: number, kind: HandleKind, tag: number) {
    this.#words = words;
    this.#first = first;
    this.#slotCount = slotCount;
    this.#free = Array.from({ length: slotCount }, (_, index) => slotCount - 1 - index);
    this.#handleBase = (tag * 2 + kind) * KIND_FACTOR;
    for (const slot of this.#free) writeWord(words, this.#slotAt(slot) + HANDLE, NO_HANDLE);
  }

  get slotCount(): number {
    return this.#slotCount;
  }

  get freeCount(): number {
    return this.#free.length;
  }

  /** @returns where the slot lies whose payload is to be written, or -1 where all are taken. */
  begin(): number {
    const index = this.#free.pop();
    if (index === undefined) return -1;
    const slot = this.#slotAt(index);
    const sequence = readWord(this.#words, slot + SEQUENCE);
    const generation = Math.floor(sequence / 2) % GENERATION_COUNT;
    beginRewrite(this.#words, slot);
    const handle = this.#handleBase + generation * SLOT_COUNT_MAX + index;
    writeWord(this.#words, slot + HANDLE, handle);
    return slot;
  }

  /** Closes what {@link begin} opened. */
  publish(slot: number): number {
    endRecord(this.#words, slot, IN_FLIGHT.checksum);
    return readWord(this.#words, slot + HANDLE);
  }

  /** Gives what is in the slot a route, or another one. */
  name(slot: number, routeId: number): void {
    const sequence = readWord(this.#words, slot + SEQUENCE);
    const complete = sequence + (sequence % 2);
    storeHalves(this.#words, slot + ROUTE, routeId, routeCheckOf(complete, routeId));
  }

  /** @returns where the slot of a handle in flight lies, or -1 for any other number. */
  find(handle: number): number {
    const index = handle % SLOT_COUNT_MAX;
    if (handle === NO_HANDLE || index >= this.#slotCount) return -1;
    const slot = this.#slotAt(index);
    return readWord(this.#words, slot + HANDLE) === handle ? slot : -1;
  }

  end(handle: number): void {
    const slot = this.find(handle);
    if (slot === -1) return;
    writeWord(this.#words, slot + HANDLE, NO_HANDLE);
    this.#free.push(handle % SLOT_COUNT_MAX);
  }

  #slotAt(index: number): number {
    return this.#first + index * IN_FLIGHT.words;
  }
}
