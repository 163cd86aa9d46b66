import { histogramOf } from './arena.ts';
import type { RecorderSnapshot, StatementIdentity, StatementSnapshot } from './engine.ts';
import { EMPTY_HISTOGRAM } from './histogram.ts';
import {
  generationOfSequence,
  histogramWordsOf,
  STATEMENT_IDENTITY,
  STATEMENT_SHAPE,
  STATEMENT_TOTALS,
  statementIdOf,
} from './layout.ts';
import { readWord } from './words.ts';

const HISTOGRAM_WORDS = histogramWordsOf(STATEMENT_SHAPE);

/** Copies of what an arena's statement table holds. */
export interface StatementColumns {
  /** Rows that have a statement: the first `count` of both lists. */
  readonly count: number;
  readonly rows: Uint16Array;
  /** Of each, its entry in `identities`. */
  readonly entries: Int32Array;
  readonly identities: readonly StatementIdentity[];
  /** By row, in words of `STATEMENT_IDENTITY`. */
  readonly identityWords: Uint32Array;
  /** By row, in words of `STATEMENT_TOTALS`. */
  readonly totals: Uint32Array;
  /** By row; undefined where they were not asked for. */
  readonly histograms: Uint32Array | undefined;
}

/**
 * Thousands of rows for each process of a host, most of which are only added up: there is no object
 * for any of them before somebody asks.
 */
export class StatementTable {
  readonly columns: StatementColumns;
  #snapshots: StatementSnapshot[] | undefined;

  constructor(columns: StatementColumns) {
    this.columns = columns;
  }

  snapshots(): readonly StatementSnapshot[] {
    return (this.#snapshots ??= this.#makeSnapshots());
  }

  #makeSnapshots(): StatementSnapshot[] {
    const { columns } = this;
    const { totals, histograms } = columns;
    const snapshots: StatementSnapshot[] = [];
    for (let index = 0; index < columns.count; index += 1) {
      const row = columns.rows[index] ?? 0;
      const identity = columns.identities[columns.entries[index] ?? 0];
      if (identity === undefined) continue;
      const sums = row * STATEMENT_TOTALS.words;
      snapshots.push({
        id: statementIdOf(row, generationAt(columns.identityWords, row)),
        fingerprint: identity.fingerprint,
        text: identity.text,
        callCount: readWord(totals, sums + STATEMENT_TOTALS.callCount),
        errorCount: readWord(totals, sums + STATEMENT_TOTALS.errorCount),
        rowCount: readWord(totals, sums + STATEMENT_TOTALS.rowCount),
        totalNs: readWord(totals, sums + STATEMENT_TOTALS.totalNs),
        minNs: readWord(totals, sums + STATEMENT_TOTALS.minNs),
        maxNs: readWord(totals, sums + STATEMENT_TOTALS.maxNs),
        poolWaitNs: readWord(totals, sums + STATEMENT_TOTALS.poolWaitNs),
        durations:
          histograms === undefined
            ? EMPTY_HISTOGRAM
            : histogramOf(
                histograms,
                row * HISTOGRAM_WORDS,
                STATEMENT_SHAPE,
                readWord(totals, sums + STATEMENT_TOTALS.zeroCount),
              ),
      });
    }
    return snapshots;
  }
}

/** Beside the snapshots, whose form is the same whoever made them. */
const tables = new WeakMap<RecorderSnapshot, StatementTable>();

/** Where a snapshot's statements come from; undefined where they are all there is. */
export function statementTableOf(snapshot: RecorderSnapshot): StatementTable | undefined {
  return tables.get(snapshot);
}

/** @param snapshot its `statements` are made from the table when they are asked for. */
export function withStatements(
  snapshot: Omit<RecorderSnapshot, 'statements'>,
  table: StatementTable,
): RecorderSnapshot {
  const whole = Object.defineProperty(snapshot, 'statements', {
    enumerable: true,
    get: () => table.snapshots(),
  }) as RecorderSnapshot;
  tables.set(whole, table);
  return whole;
}

function generationAt(identityWords: Uint32Array, row: number): number {
  const sequence = row * STATEMENT_IDENTITY.words + STATEMENT_IDENTITY.sequence;
  return generationOfSequence(readWord(identityWords, sequence));
}
