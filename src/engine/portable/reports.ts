/** The tables of pools and findings, as the native engine keeps them, over the same arena. */
import type { Verdict } from '../engine.ts';
import { FINDING, FINDINGS_MAX, POOL, POOLS_MAX } from '../layout.ts';
import type { ArenaLayout } from '../layout.ts';
import { highOf, lowOf, readWord, writeHalves, writeWord } from '../words.ts';
import { beginRewrite, endRecord } from './record.ts';
import { cutText } from './routes.ts';

export interface PoolReport {
  readonly name: string;
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
  readonly max: number;
  readonly updatedNs: number;
}

export class PoolTable {
  readonly #words: Uint32Array;
  readonly #first: number;

  /** Frees every row: the pools of another thread have ended with it. */
  constructor(words: Uint32Array, layout: ArenaLayout) {
    this.#words = words;
    this.#first = layout.pools;
    for (let row = 0; row < POOLS_MAX; row += 1) {
      const isUsed = readWord(words, this.#rowAt(row) + POOL.nameBytes) > 0;
      if (isUsed) {
        this.report(row, { name: '', total: 0, idle: 0, waiting: 0, max: 0, updatedNs: 0 });
      }
    }
  }

  /** @returns false for a row that there is not. */
  report(number: number, pool: PoolReport): boolean {
    if (number >= POOLS_MAX) return false;
    const words = this.#words;
    const row = this.#rowAt(number);
    const name = cutText(Buffer.from(pool.name), POOL.nameBytesMax);
    const padded = Buffer.alloc(POOL.nameBytesMax);
    name.copy(padded);
    beginRewrite(words, row);
    writeWord(words, row + POOL.nameBytes, name.length);
    writeWord(words, row + POOL.total, pool.total);
    writeWord(words, row + POOL.idle, pool.idle);
    writeWord(words, row + POOL.waiting, pool.waiting);
    writeWord(words, row + POOL.max, pool.max);
    writeWord(words, row + POOL.updatedNs, pool.updatedNs);
    for (let word = 0; word < POOL.nameBytesMax / 8; word += 1) {
      const low = padded.readUInt32LE(8 * word);
      writeHalves(words, row + POOL.name + word, low, padded.readUInt32LE(8 * word + 4));
    }
    endRecord(words, row, POOL.checksum);
    return true;
  }

  #rowAt(number: number): number {
    return this.#first + number * POOL.words;
  }
}

export interface FoundOnce {
  readonly verdict: Verdict;
  readonly fingerprint: { readonly low: number; readonly high: number };
  readonly statementId: number;
  readonly routeId: number;
  readonly queryCount: number;
  readonly totalNs: number;
  readonly nowNs: number;
}

export class FindingTable {
  readonly #words: Uint32Array;
  readonly #first: number;

  constructor(words: Uint32Array, layout: ArenaLayout) {
    this.#words = words;
    this.#first = layout.findings;
  }

  /** @returns whether another finding lost its place. */
  add(found: FoundOnce): boolean {
    let oldest = this.#first;
    for (let number = 0; number < FINDINGS_MAX; number += 1) {
      const row = this.#first + number * FINDING.words;
      if (this.#own(row, FINDING.verdict) === 0) {
        this.#write(row, found, false);
        return false;
      }
      if (this.#isOf(row, found)) {
        this.#write(row, found, true);
        return false;
      }
      if (this.#own(row, FINDING.lastNs) < this.#own(oldest, FINDING.lastNs)) oldest = row;
    }
    this.#write(oldest, found, false);
    return true;
  }

  #write(row: number, found: FoundOnce, isAdded: boolean): void {
    const words = this.#words;
    const before = (word: number): number => (isAdded ? this.#own(row, word) : 0);
    const count = before(FINDING.count) + 1;
    const queryCount = before(FINDING.queryCount) + found.queryCount;
    const totalNs = before(FINDING.totalNs) + found.totalNs;
    const firstNs = isAdded ? before(FINDING.firstNs) : found.nowNs;
    const { low, high } = found.fingerprint;
    beginRewrite(words, row);
    writeWord(words, row + FINDING.verdict, found.verdict);
    writeHalves(words, row + FINDING.fingerprint, low, high);
    writeWord(words, row + FINDING.statementId, found.statementId);
    writeWord(words, row + FINDING.routeId, found.routeId);
    writeWord(words, row + FINDING.count, count);
    writeWord(words, row + FINDING.queryCount, queryCount);
    writeWord(words, row + FINDING.totalNs, totalNs);
    writeWord(words, row + FINDING.firstNs, firstNs);
    writeWord(words, row + FINDING.lastNs, found.nowNs);
    endRecord(words, row, FINDING.checksum);
  }

  #isOf(row: number, { verdict, fingerprint, routeId }: FoundOnce): boolean {
    return (
      lowOf(this.#words, row + FINDING.fingerprint) === fingerprint.low &&
      highOf(this.#words, row + FINDING.fingerprint) === fingerprint.high &&
      this.#own(row, FINDING.routeId) === routeId &&
      this.#own(row, FINDING.verdict) === verdict
    );
  }

  #own(row: number, word: number): number {
    return readWord(this.#words, row + word);
  }
}
