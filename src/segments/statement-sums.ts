import type { StatementIdentity, StatementSnapshot } from '../engine/engine.ts';
import { EMPTY_HISTOGRAM } from '../engine/histogram.ts';
import { STATEMENT_TOTALS } from '../engine/layout.ts';
import type { StatementTable } from '../engine/statement-table.ts';
import { readWord } from '../engine/words.ts';

/** One statement, of several recorders. */
export type MergedStatement = Omit<StatementSnapshot, 'id'>;

/** What an entry has in the sums. */
const COLUMN = {
  /** 1 where any arena has a row of it. */
  isThere: 0,
  callCount: 1,
  errorCount: 2,
  rowCount: 3,
  totalNs: 4,
  minNs: 5,
  maxNs: 6,
  poolWaitNs: 7,
  count: 8,
} as const;

const { words: TOTALS_WORDS } = STATEMENT_TOTALS;

/** Adds up statement tables whose rows are named by one dictionary, without an object for a row. */
export class StatementSums {
  #identities: readonly StatementIdentity[] | undefined;
  #sums: Float64Array = new Float64Array(0);

  /** @returns whether it was added: not where it has histograms or is named by another dictionary. */
  add({ columns }: StatementTable): boolean {
    if (columns.histograms !== undefined) return false;
    this.#identities ??= columns.identities;
    if (columns.identities !== this.#identities) return false;
    this.#makeRoom(columns.identities.length);
    const { count, rows, entries, totals } = columns;
    const sums = this.#sums;
    for (let index = 0; index < count; index += 1) {
      const sum = (entries[index] ?? 0) * COLUMN.count;
      const row = (rows[index] ?? 0) * TOTALS_WORDS;
      const callCount = readWord(totals, row + STATEMENT_TOTALS.callCount);
      // A row that nothing was recorded in has no least duration.
      if (callCount > 0) {
        const minNs = readWord(totals, row + STATEMENT_TOTALS.minNs);
        const isLeast = sums[sum + COLUMN.callCount] === 0 || minNs < at(sums, sum + COLUMN.minNs);
        if (isLeast) sums[sum + COLUMN.minNs] = minNs;
      }
      sums[sum + COLUMN.isThere] = 1;
      add(sums, sum + COLUMN.callCount, callCount);
      add(sums, sum + COLUMN.errorCount, readWord(totals, row + STATEMENT_TOTALS.errorCount));
      add(sums, sum + COLUMN.rowCount, readWord(totals, row + STATEMENT_TOTALS.rowCount));
      add(sums, sum + COLUMN.totalNs, readWord(totals, row + STATEMENT_TOTALS.totalNs));
      add(sums, sum + COLUMN.poolWaitNs, readWord(totals, row + STATEMENT_TOTALS.poolWaitNs));
      const maxNs = readWord(totals, row + STATEMENT_TOTALS.maxNs);
      if (maxNs > at(sums, sum + COLUMN.maxNs)) sums[sum + COLUMN.maxNs] = maxNs;
    }
    return true;
  }

  rows(): MergedStatement[] {
    const sums = this.#sums;
    const rows: MergedStatement[] = [];
    this.#identities?.forEach(({ fingerprint, text }, entry) => {
      const sum = entry * COLUMN.count;
      // Entries are of all arenas that were ever read, of other applications too.
      if (sum >= sums.length || sums[sum + COLUMN.isThere] === 0) return;
      rows.push({
        fingerprint,
        text,
        callCount: at(sums, sum + COLUMN.callCount),
        errorCount: at(sums, sum + COLUMN.errorCount),
        rowCount: at(sums, sum + COLUMN.rowCount),
        totalNs: at(sums, sum + COLUMN.totalNs),
        minNs: at(sums, sum + COLUMN.minNs),
        maxNs: at(sums, sum + COLUMN.maxNs),
        poolWaitNs: at(sums, sum + COLUMN.poolWaitNs),
        durations: EMPTY_HISTOGRAM,
      });
    });
    return rows;
  }

  #makeRoom(entries: number): void {
    const wanted = entries * COLUMN.count;
    if (wanted <= this.#sums.length) return;
    const sums = new Float64Array(wanted);
    sums.set(this.#sums);
    this.#sums = sums;
  }
}

function at(sums: Float64Array, index: number): number {
  return sums[index] ?? 0;
}

function add(sums: Float64Array, index: number, amount: number): void {
  sums[index] = at(sums, index) + amount;
}
