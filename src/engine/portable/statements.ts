import { ChecksumSum } from '../checksum.ts';
import { OTHER_ID } from '../engine.ts';
import {
  generationOfStatement,
  HEADER,
  histogramWordsOf,
  rowOfStatement,
  STATEMENT_IDENTITY,
  STATEMENT_SHAPE,
  STATEMENT_TOTALS,
  statementIdOf,
} from '../layout.ts';
import type { ArenaLayout } from '../layout.ts';
import type { NormalizedSql } from '../../types/sql.ts';
import { addToWord, highOf, lowOf, readWord, storeWord, writeHalves, writeWord } from '../words.ts';
import { recordBucket } from './histogram.ts';
import { TextBlocks } from './text-blocks.ts';

/** Rows that the hand looks at for one new statement: what no row is found for counts as other. */
const SWEEP_ROWS_MAX = 64;

const NO_FINGERPRINT = '0'.repeat(16);

/** Of a call that has ended. */
export interface Call {
  readonly durationNs: number;
  readonly poolWaitNs: number;
  readonly isError: boolean;
  /** -1 where it is unknown. */
  readonly rowCount: number;
}

/**
 * The statement table, as the native engine keeps it, over the same arena: `statements.zig` says
 * how rows pass from one statement to another.
 */
export class StatementTable {
  readonly #words: Uint32Array;
  readonly #layout: ArenaLayout;
  readonly #texts: TextBlocks;
  readonly #rowsMax: number;
  readonly #rows = new Map<string, number>();
  readonly #vacant: number[] = [];
  #hand = 1;

  // What is known of each row.
  /** How many queries had ended when a record last referred to it, or when it was taken. */
  readonly #lastUsed: Float64Array;
  readonly #inFlightCounts: Uint32Array;
  readonly #generations: Uint16Array;
  readonly #isTaken: Uint8Array;
  /** Used again since the hand came by: what ran only once is not worth keeping. */
  readonly #isMarked: Uint8Array;
  readonly #firstBlocks: Uint32Array;
  readonly #fingerprints: string[] = [];

  /** Goes on with the statements that are there. */
  constructor(words: Uint32Array, layout: ArenaLayout) {
    this.#words = words;
    this.#layout = layout;
    this.#texts = new TextBlocks(words, layout);
    this.#rowsMax = layout.capacities.statementsMax + 1;
    this.#lastUsed = new Float64Array(this.#rowsMax);
    this.#inFlightCounts = new Uint32Array(this.#rowsMax);
    this.#generations = new Uint16Array(this.#rowsMax);
    this.#isTaken = new Uint8Array(this.#rowsMax);
    this.#isMarked = new Uint8Array(this.#rowsMax);
    this.#firstBlocks = new Uint32Array(this.#rowsMax);
    // The text of "other" is known to readers.
    if (this.#rowCount === 0) this.#take(OTHER_ID, NO_FINGERPRINT, Buffer.alloc(0));
    else this.#restore();
  }

  /** The identity of a statement; {@link OTHER_ID} where there is no room. */
  intern({ fingerprint, text }: NormalizedSql): number {
    const known = this.#rows.get(fingerprint);
    if (known !== undefined) return this.#idOf(known);
    const bytes = Buffer.from(text);
    const blocksNeeded = TextBlocks.countFor(bytes.length);
    if (blocksNeeded > this.#texts.count) return OTHER_ID;
    let stepsLeft = SWEEP_ROWS_MAX;
    while (!this.#hasVacancy() || this.#texts.freeCount < blocksNeeded) {
      stepsLeft = this.#evictNext(stepsLeft);
      if (stepsLeft === -1) return OTHER_ID;
    }
    const row = this.#vacant.pop() ?? this.#rowCount;
    this.#take(row, fingerprint, bytes);
    this.#rows.set(fingerprint, row);
    return this.#idOf(row);
  }

  /** Whether the row is still the statement's. */
  isCurrent(id: number): boolean {
    const row = rowOfStatement(id);
    return this.#isTaken[row] === 1 && this.#generations[row] === generationOfStatement(id);
  }

  /** A query of the statement is in flight: its row stays. */
  hold(id: number): void {
    const row = rowOfStatement(id);
    this.#inFlightCounts[row] = (this.#inFlightCounts[row] ?? 0) + 1;
  }

  release(id: number): void {
    const row = rowOfStatement(id);
    const count = this.#inFlightCounts[row] ?? 0;
    if (this.isCurrent(id) && count > 0) this.#inFlightCounts[row] = count - 1;
  }

  /**
   * @param queryCount counts the call's own record.
   * @param bucket the duration's `bucketIndexOf`, unless the duration is 0.
   */
  record(id: number, call: Call, queryCount: number, bucket: number): void {
    const { durationNs, poolWaitNs, isError, rowCount } = call;
    const words = this.#words;
    const row = rowOfStatement(id);
    this.#lastUsed[row] = queryCount;
    const totals = this.#totalsAt(row);
    const callCount = readWord(words, totals + STATEMENT_TOTALS.callCount);
    this.#isMarked[row] = callCount > 0 ? 1 : 0;
    addToWord(words, totals + STATEMENT_TOTALS.callCount, 1);
    if (isError) addToWord(words, totals + STATEMENT_TOTALS.errorCount, 1);
    if (rowCount > 0) addToWord(words, totals + STATEMENT_TOTALS.rowCount, rowCount);
    addToWord(words, totals + STATEMENT_TOTALS.totalNs, durationNs);
    if (poolWaitNs > 0) addToWord(words, totals + STATEMENT_TOTALS.poolWaitNs, poolWaitNs);
    if (callCount === 0 || durationNs < readWord(words, totals + STATEMENT_TOTALS.minNs)) {
      storeWord(words, totals + STATEMENT_TOTALS.minNs, durationNs);
    }
    if (durationNs > readWord(words, totals + STATEMENT_TOTALS.maxNs)) {
      storeWord(words, totals + STATEMENT_TOTALS.maxNs, durationNs);
    }
    if (durationNs === 0) addToWord(words, totals + STATEMENT_TOTALS.zeroCount, 1);
    else recordBucket(words, this.#countsAt(row), STATEMENT_SHAPE, bucket);
  }

  /** Its halves are 0 where the statement has no row. */
  fingerprintOf(id: number): { low: number; high: number } {
    return halvesOf(this.isCurrent(id) ? this.#fingerprints[rowOfStatement(id)] : undefined);
  }

  get #rowCount(): number {
    return readWord(this.#words, HEADER.statementCount);
  }

  #idOf(row: number): number {
    return statementIdOf(row, this.#generations[row] ?? 0);
  }

  #hasVacancy(): boolean {
    return this.#vacant.length > 0 || this.#rowCount < this.#rowsMax;
  }

  #take(row: number, fingerprint: string, text: Uint8Array): void {
    const words = this.#words;
    const isNew = row === this.#rowCount;
    if (!isNew) this.#generations[row] = (this.#generations[row] ?? 0) + 1;
    this.#lastUsed[row] = readWord(words, HEADER.queryCount);
    this.#inFlightCounts[row] = 0;
    this.#isTaken[row] = 1;
    this.#isMarked[row] = 0;
    this.#fingerprints[row] = fingerprint;

    const identity = this.#identityAt(row);
    const before = readWord(words, identity + STATEMENT_IDENTITY.sequence);
    // Of a row that was vacated the sequence is odd already.
    const sequence = before - (before % 2) + 2;
    writeWord(words, identity + STATEMENT_IDENTITY.sequence, sequence - 1);
    const sum = new ChecksumSum();
    const firstBlock = this.#texts.store(text, sum, STATEMENT_IDENTITY.checksum);
    this.#firstBlocks[row] = firstBlock;
    const { low, high } = halvesOf(fingerprint);
    sum.add(STATEMENT_IDENTITY.sequence, sequence % 2 ** 32, Math.floor(sequence / 2 ** 32));
    sum.add(STATEMENT_IDENTITY.fingerprint, low, high);
    sum.add(STATEMENT_IDENTITY.blockAndBytes, firstBlock, text.length);
    writeHalves(words, identity + STATEMENT_IDENTITY.fingerprint, low, high);
    writeHalves(words, identity + STATEMENT_IDENTITY.blockAndBytes, firstBlock, text.length);
    writeHalves(words, identity + STATEMENT_IDENTITY.checksum, sum.low, sum.high);
    writeWord(words, identity + STATEMENT_IDENTITY.sequence, sequence);
    writeWord(words, HEADER.textBlocksUsed, this.#texts.count - this.#texts.freeCount);
    if (isNew) writeWord(words, HEADER.statementCount, row + 1);
  }

  /** Vacates the next row that may go. @returns the steps left, or -1 where it made all of them. */
  #evictNext(stepsLeft: number): number {
    const { recentQueriesMax } = this.#layout.capacities;
    const queryCount = readWord(this.#words, HEADER.queryCount);
    for (let left = stepsLeft - 1; left >= 0; left -= 1) {
      const row = this.#hand;
      this.#hand = row + 1 < this.#rowsMax ? row + 1 : 1;
      if (this.#isTaken[row] !== 1 || this.#inFlightCounts[row] !== 0) continue;
      if ((this.#lastUsed[row] ?? 0) + recentQueriesMax > queryCount) continue;
      if (this.#isMarked[row] === 1) {
        this.#isMarked[row] = 0;
        continue;
      }
      this.#evict(row);
      return left;
    }
    return -1;
  }

  #evict(row: number): void {
    const words = this.#words;
    const evictions = readWord(words, HEADER.evictionSequence);
    const steady = evictions - (evictions % 2);
    writeWord(words, HEADER.evictionSequence, steady + 1);
    const identity = this.#identityAt(row);
    const sequence = readWord(words, identity + STATEMENT_IDENTITY.sequence);
    writeWord(words, identity + STATEMENT_IDENTITY.sequence, sequence + 1);
    this.#addToOther(row);
    this.#clear(row);
    writeWord(words, HEADER.evictionSequence, steady + 2);

    this.#rows.delete(this.#fingerprints[row] ?? '');
    this.#texts.free(this.#firstBlocks[row] ?? 0);
    this.#isTaken[row] = 0;
    this.#vacant.push(row);
  }

  #clear(row: number): void {
    const totals = this.#totalsAt(row);
    this.#words.fill(0, 2 * totals, 2 * (totals + STATEMENT_TOTALS.words));
    const counts = this.#countsAt(row);
    this.#words.fill(0, counts, counts + 2 * histogramWordsOf(STATEMENT_SHAPE));
  }

  #addToOther(row: number): void {
    const words = this.#words;
    const source = this.#totalsAt(row);
    const target = this.#totalsAt(OTHER_ID);
    if (readWord(words, source + STATEMENT_TOTALS.callCount) === 0) return;
    const isFirst = readWord(words, target + STATEMENT_TOTALS.callCount) === 0;
    const minNs = readWord(words, source + STATEMENT_TOTALS.minNs);
    if (isFirst || minNs < readWord(words, target + STATEMENT_TOTALS.minNs)) {
      storeWord(words, target + STATEMENT_TOTALS.minNs, minNs);
    }
    const maxNs = readWord(words, source + STATEMENT_TOTALS.maxNs);
    if (maxNs > readWord(words, target + STATEMENT_TOTALS.maxNs)) {
      storeWord(words, target + STATEMENT_TOTALS.maxNs, maxNs);
    }
    const { callCount, errorCount, rowCount, totalNs, poolWaitNs, zeroCount } = STATEMENT_TOTALS;
    for (const word of [callCount, errorCount, rowCount, totalNs, poolWaitNs, zeroCount]) {
      addToWord(words, target + word, readWord(words, source + word));
    }
    const from = this.#countsAt(row);
    const to = this.#countsAt(OTHER_ID);
    for (let bucket = 0; bucket < 2 * histogramWordsOf(STATEMENT_SHAPE); bucket += 1) {
      const added = words[from + bucket] ?? 0;
      if (added > 0) words[to + bucket] = Math.min((words[to + bucket] ?? 0) + added, 0xffff_ffff);
    }
  }

  /** Finds its way in an arena that another thread has written, which may have been stopped at it. */
  #restore(): void {
    const words = this.#words;
    const evictions = readWord(words, HEADER.evictionSequence);
    const wasEvicting = evictions % 2 === 1;
    const usedBlocks: number[] = [];
    for (let row = 0; row < Math.min(this.#rowCount, this.#rowsMax); row += 1) {
      const identity = this.#identityAt(row);
      const sequence = readWord(words, identity + STATEMENT_IDENTITY.sequence);
      const isVacant = sequence === 0 || sequence % 2 === 1;
      const fingerprint =
        hexOf(highOf(words, identity + STATEMENT_IDENTITY.fingerprint)) +
        hexOf(lowOf(words, identity + STATEMENT_IDENTITY.fingerprint));
      this.#generations[row] = Math.max(0, Math.floor((sequence - 2) / 2));
      this.#lastUsed[row] = readWord(words, HEADER.queryCount);
      this.#fingerprints[row] = fingerprint;
      if (isVacant) {
        if (wasEvicting) this.#clear(row);
        this.#vacant.push(row);
        continue;
      }
      this.#isTaken[row] = 1;
      this.#firstBlocks[row] = lowOf(words, identity + STATEMENT_IDENTITY.blockAndBytes);
      usedBlocks.push(this.#firstBlocks[row] ?? 0);
      if (row !== OTHER_ID) this.#rows.set(fingerprint, row);
    }
    this.#texts.restore(usedBlocks);
    if (wasEvicting) writeWord(words, HEADER.evictionSequence, evictions + 1);
  }

  #identityAt(row: number): number {
    return this.#layout.statementIdentities + row * STATEMENT_IDENTITY.words;
  }

  #totalsAt(row: number): number {
    return this.#layout.statementTotals + row * STATEMENT_TOTALS.words;
  }

  /** In 32-bit counts. */
  #countsAt(row: number): number {
    return 2 * (this.#layout.statementHistograms + row * histogramWordsOf(STATEMENT_SHAPE));
  }
}

function halvesOf(fingerprint = NO_FINGERPRINT): { low: number; high: number } {
  return {
    low: Number.parseInt(fingerprint.slice(8), 16),
    high: Number.parseInt(fingerprint.slice(0, 8), 16),
  };
}

function hexOf(half: number): string {
  return half.toString(16).padStart(8, '0');
}
