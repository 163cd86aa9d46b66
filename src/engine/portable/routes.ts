import { OTHER_ID } from '../engine.ts';
import {
  HEADER,
  histogramWordsOf,
  OTHER_NAME,
  ROUTE_NAME_BYTES_MAX,
  ROUTE_SHAPE,
  ROUTE_TOTALS,
} from '../layout.ts';
import type { ArenaLayout } from '../layout.ts';
import { addToWord, readWord, storeWord, writeWord } from '../words.ts';
import { recordValue } from './histogram.ts';

/** The route table, as the native engine keeps it, over the same arena. */
export class RouteTable {
  readonly #words: Uint32Array;
  readonly #layout: ArenaLayout;
  readonly #ids = new Map<string, number>();

  /** Goes on with the routes that are there. */
  constructor(words: Uint32Array, layout: ArenaLayout) {
    this.#words = words;
    this.#layout = layout;
    const count = readWord(words, HEADER.routeCount);
    if (count === 0) this.#append(Buffer.from(OTHER_NAME));
    for (let id = 1; id < count; id += 1) this.#ids.set(this.#nameOf(id), id);
  }

  /** Names that agree in what fits are one route. */
  intern(route: string): number {
    const known = this.#ids.get(route);
    if (known !== undefined) return known;
    const name = cutText(Buffer.from(route), ROUTE_NAME_BYTES_MAX);
    const stored = name.toString();
    const id = this.#ids.get(stored);
    if (id !== undefined) return id;
    const next = readWord(this.#words, HEADER.routeCount);
    if (next > this.#layout.capacities.routesMax) return OTHER_ID;
    this.#append(name);
    this.#ids.set(stored, next);
    return next;
  }

  record(id: number, durationNs: number, queryCount: number, isError: boolean): void {
    const words = this.#words;
    const row = this.#layout.routeTotals + id * ROUTE_TOTALS.words;
    addToWord(words, row + ROUTE_TOTALS.requestCount, 1);
    if (isError) addToWord(words, row + ROUTE_TOTALS.errorCount, 1);
    addToWord(words, row + ROUTE_TOTALS.queryCount, queryCount);
    addToWord(words, row + ROUTE_TOTALS.totalNs, durationNs);
    if (durationNs > readWord(words, row + ROUTE_TOTALS.maxNs)) {
      storeWord(words, row + ROUTE_TOTALS.maxNs, durationNs);
    }
    if (durationNs === 0) {
      addToWord(words, row + ROUTE_TOTALS.zeroCount, 1);
      return;
    }
    const histogram = this.#layout.routeHistograms + id * histogramWordsOf(ROUTE_SHAPE);
    recordValue(words, 2 * histogram, ROUTE_SHAPE, durationNs);
  }

  #append(name: Buffer): void {
    const id = readWord(this.#words, HEADER.routeCount);
    this.#nameBytes(id).set(name);
    const row = this.#layout.routeTotals + id * ROUTE_TOTALS.words;
    writeWord(this.#words, row + ROUTE_TOTALS.nameBytes, name.length);
    writeWord(this.#words, HEADER.routeCount, id + 1);
  }

  #nameOf(id: number): string {
    const row = this.#layout.routeTotals + id * ROUTE_TOTALS.words;
    const bytes = readWord(this.#words, row + ROUTE_TOTALS.nameBytes);
    return Buffer.from(this.#nameBytes(id).slice(0, bytes)).toString();
  }

  #nameBytes(id: number): Uint8Array {
    const { buffer, byteOffset } = this.#words;
    const start = byteOffset + this.#layout.routeNames * 8 + id * ROUTE_NAME_BYTES_MAX;
    return new Uint8Array(buffer, start, ROUTE_NAME_BYTES_MAX);
  }
}

/** UTF-8 that fits, cut between two characters. */
export function cutText(text: Buffer, bytesMax: number): Buffer {
  let end = Math.min(text.length, bytesMax);
  while (end < text.length && ((text[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return text.subarray(0, end);
}
