/** The statement and the route table, as the native engine keeps them, over the same arena. */
import { OTHER_ID } from '../engine.ts';
import {
  HEADER,
  histogramWordsOf,
  OTHER_NAME,
  ROUTE_NAME_BYTES_MAX,
  ROUTE_SHAPE,
  ROUTE_TOTALS,
  STATEMENT_IDENTITY,
  STATEMENT_SHAPE,
  STATEMENT_TOTALS,
  TEXT_BYTES_PER_STATEMENT,
} from '../layout.ts';
import type { ArenaLayout } from '../layout.ts';
import type { NormalizedSql } from '../../types/sql.ts';
import { addToWord, readWord, writeHalves, writeWord } from '../words.ts';
import { recordValue } from './histogram.ts';

export class StatementTable {
  readonly #words: Uint32Array;
  readonly #layout: ArenaLayout;
  readonly #texts: Buffer;
  readonly #ids = new Map<string, number>();

  constructor(words: Uint32Array, layout: ArenaLayout) {
    this.#words = words;
    this.#layout = layout;
    const room = layout.capacities.statementsMax * TEXT_BYTES_PER_STATEMENT;
    this.#texts = Buffer.from(words.buffer, layout.texts * 8, room);
    this.#append('0000000000000000', OTHER_NAME, Buffer.byteLength(OTHER_NAME));
  }

  get count(): number {
    return readWord(this.#words, HEADER.statementCount);
  }

  intern({ fingerprint, text }: NormalizedSql): number {
    const known = this.#ids.get(fingerprint);
    if (known !== undefined) return known;
    const id = this.count;
    const bytes = Buffer.byteLength(text);
    const bytesUsed = readWord(this.#words, HEADER.textBytesUsed);
    if (id > this.#layout.capacities.statementsMax) return OTHER_ID;
    if (bytes > this.#texts.length - bytesUsed) return OTHER_ID;
    this.#append(fingerprint, text, bytes);
    this.#ids.set(fingerprint, id);
    return id;
  }

  record(
    id: number,
    durationNs: number,
    poolWaitNs: number,
    isError: boolean,
    rowCount: number,
  ): void {
    const words = this.#words;
    const row = this.#layout.statementTotals + id * STATEMENT_TOTALS.words;
    const callCount = readWord(words, row + STATEMENT_TOTALS.callCount);
    writeWord(words, row + STATEMENT_TOTALS.callCount, callCount + 1);
    if (isError) addToWord(words, row + STATEMENT_TOTALS.errorCount, 1);
    if (rowCount > 0) addToWord(words, row + STATEMENT_TOTALS.rowCount, rowCount);
    addToWord(words, row + STATEMENT_TOTALS.totalNs, durationNs);
    if (poolWaitNs > 0) addToWord(words, row + STATEMENT_TOTALS.poolWaitNs, poolWaitNs);
    if (callCount === 0 || durationNs < readWord(words, row + STATEMENT_TOTALS.minNs)) {
      writeWord(words, row + STATEMENT_TOTALS.minNs, durationNs);
    }
    if (durationNs > readWord(words, row + STATEMENT_TOTALS.maxNs)) {
      writeWord(words, row + STATEMENT_TOTALS.maxNs, durationNs);
    }
    if (durationNs === 0) {
      addToWord(words, row + STATEMENT_TOTALS.zeroCount, 1);
      return;
    }
    const histogram = this.#layout.statementHistograms + id * histogramWordsOf(STATEMENT_SHAPE);
    recordValue(words, 2 * histogram, STATEMENT_SHAPE, durationNs);
  }

  #append(fingerprint: string, text: string, bytes: number): void {
    const id = this.count;
    const offset = readWord(this.#words, HEADER.textBytesUsed);
    this.#texts.write(text, offset, 'utf8');
    const row = this.#layout.statementIdentities + id * STATEMENT_IDENTITY.words;
    const high = Number.parseInt(fingerprint.slice(0, 8), 16);
    const low = Number.parseInt(fingerprint.slice(8), 16);
    writeHalves(this.#words, row + STATEMENT_IDENTITY.fingerprint, low, high);
    writeHalves(this.#words, row + STATEMENT_IDENTITY.textOffsetAndBytes, offset, bytes);
    writeWord(this.#words, HEADER.textBytesUsed, offset + bytes);
    writeWord(this.#words, HEADER.statementCount, id + 1);
  }
}

export class RouteTable {
  readonly #words: Uint32Array;
  readonly #layout: ArenaLayout;
  readonly #ids = new Map<string, number>();

  constructor(words: Uint32Array, layout: ArenaLayout) {
    this.#words = words;
    this.#layout = layout;
    this.#append(Buffer.from(OTHER_NAME));
  }

  /** Names that agree in what fits are one route. */
  intern(route: string): number {
    const known = this.#ids.get(route);
    if (known !== undefined) return known;
    const name = cutName(Buffer.from(route));
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
      writeWord(words, row + ROUTE_TOTALS.maxNs, durationNs);
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
    const start = this.#layout.routeNames * 8 + id * ROUTE_NAME_BYTES_MAX;
    name.copy(new Uint8Array(this.#words.buffer, start, ROUTE_NAME_BYTES_MAX));
    const row = this.#layout.routeTotals + id * ROUTE_TOTALS.words;
    writeWord(this.#words, row + ROUTE_TOTALS.nameBytes, name.length);
    writeWord(this.#words, HEADER.routeCount, id + 1);
  }
}

/** Between two characters. */
function cutName(name: Buffer): Buffer {
  let end = Math.min(name.length, ROUTE_NAME_BYTES_MAX);
  while (end < name.length && ((name[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return name.subarray(0, end);
}
