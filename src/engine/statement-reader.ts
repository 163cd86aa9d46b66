/** Reads the statement table of an arena, whose rows change hands while it is read. */
import { ATTEMPTS_MAX, hexOf, histogramOf } from './arena.ts';
import type { ArenaCopier } from './arena.ts';
import { ChecksumSum } from './checksum.ts';
import { OTHER_ID } from './engine.ts';
import type { StatementIdentity, StatementSnapshot } from './engine.ts';
import { EMPTY_HISTOGRAM } from './histogram.ts';
import {
  generationOfStatement,
  HEADER,
  histogramWordsOf,
  OTHER_NAME,
  rowOfStatement,
  STATEMENT_IDENTITY,
  STATEMENT_SHAPE,
  STATEMENT_TOTALS,
  statementIdOf,
  TEXT_BLOCK,
  TEXT_BYTES_MAX,
  textBlockCountOf,
} from './layout.ts';
import type { ArenaLayout } from './layout.ts';
import { highOf, lowOf, readWord } from './words.ts';

export interface StatementRows {
  readonly rows: StatementSnapshot[];
  readonly isConsistent: boolean;
}

/** Who a row is, for as long as its sequence stays. */
interface KnownRow {
  readonly sequence: number;
  readonly identity: StatementIdentity;
}

/** Texts that are fetched one by one; for more of them all blocks are copied at once. */
const SINGLE_TEXTS_MAX = 8;

const { words: IDENTITY_WORDS } = STATEMENT_IDENTITY;

export class StatementReader {
  readonly #arena: ArenaCopier;
  readonly #layout: ArenaLayout;
  /** By row. */
  readonly #known: KnownRow[] = [];

  constructor(arena: ArenaCopier, layout: ArenaLayout) {
    this.#arena = arena;
    this.#layout = layout;
  }

  statement(id: number): StatementIdentity | undefined {
    if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff) return undefined;
    const row = rowOfStatement(id);
    if (row > this.#layout.capacities.statementsMax) return undefined;
    const first = this.#layout.statementIdentities + row * IDENTITY_WORDS;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const halves = this.#arena.copy(first, IDENTITY_WORDS);
      const sequence = readWord(halves, STATEMENT_IDENTITY.sequence);
      if (sequence === 0 || sequence % 2 === 1) return undefined;
      if (generationOfSequence(sequence) !== generationOfStatement(id)) return undefined;
      const identity = this.#identityOf(halves, 0, row);
      if (identity !== undefined) return identity;
    }
    this.#arena.tornCount += 1;
    return undefined;
  }

  read(withHistograms: boolean): StatementRows {
    let rows: StatementSnapshot[] = [];
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const before = this.#header();
      const copied = this.#rows(before, withHistograms);
      const evictions = readWord(before, HEADER.evictionSequence);
      const wasSteady =
        evictions % 2 === 0 && readWord(this.#header(), HEADER.evictionSequence) === evictions;
      ({ rows } = copied);
      if (wasSteady && copied.tornCount === 0) return { rows, isConsistent: true };
      if (attempt === ATTEMPTS_MAX - 1) this.#arena.tornCount += copied.tornCount;
    }
    return { rows, isConsistent: false };
  }

  #header(): Uint32Array {
    return this.#arena.copy(0, HEADER.words);
  }

  #rows(
    header: Uint32Array,
    withHistograms: boolean,
  ): { rows: StatementSnapshot[]; tornCount: number } {
    const layout = this.#layout;
    const rowsMax = layout.capacities.statementsMax + 1;
    const count = Math.min(readWord(header, HEADER.statementCount), rowsMax);
    const histogramWords = histogramWordsOf(STATEMENT_SHAPE);
    const identities = this.#arena.copy(layout.statementIdentities, count * IDENTITY_WORDS);
    const totals = this.#arena.copy(layout.statementTotals, count * STATEMENT_TOTALS.words);
    const histograms = withHistograms
      ? this.#arena.copy(layout.statementHistograms, count * histogramWords)
      : undefined;
    const blocks = this.#blocksFor(identities, count);
    const after = this.#arena.copy(layout.statementIdentities, count * IDENTITY_WORDS);
    const rows: StatementSnapshot[] = [];
    let tornCount = 0;
    for (let row = 0; row < count; row += 1) {
      const at = row * IDENTITY_WORDS;
      const sequence = readWord(identities, at + STATEMENT_IDENTITY.sequence);
      const isVacant = sequence === 0 || sequence % 2 === 1;
      if (isVacant || readWord(after, at + STATEMENT_IDENTITY.sequence) !== sequence) continue;
      const sums = row * STATEMENT_TOTALS.words;
      const callCount = readWord(totals, sums + STATEMENT_TOTALS.callCount);
      // Row 0 stands for what has no row of its own: most often there is no such thing.
      if (row === OTHER_ID && callCount === 0) continue;
      const identity = this.#identityOf(identities, at, row, blocks);
      if (identity === undefined) {
        tornCount += 1;
        continue;
      }
      // Written out: there are thousands of these, for each process of a host.
      rows.push({
        id: statementIdOf(row, generationOfSequence(sequence)),
        fingerprint: identity.fingerprint,
        text: identity.text,
        callCount,
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
                row * histogramWords,
                STATEMENT_SHAPE,
                readWord(totals, sums + STATEMENT_TOTALS.zeroCount),
              ),
      });
    }
    return { rows, tornCount };
  }

  /** All text blocks where many rows are new; undefined where it is cheaper to fetch them singly. */
  #blocksFor(identities: Uint32Array, count: number): Uint32Array | undefined {
    let newCount = 0;
    for (let row = 0; row < count; row += 1) {
      const sequence = readWord(identities, row * IDENTITY_WORDS + STATEMENT_IDENTITY.sequence);
      if (this.#known[row]?.sequence !== sequence) newCount += 1;
    }
    if (newCount <= SINGLE_TEXTS_MAX) return undefined;
    const { textBlocks, capacities } = this.#layout;
    return this.#arena.copy(textBlocks, textBlockCountOf(capacities) * TEXT_BLOCK.words);
  }

  /** @returns undefined where fingerprint, text and checksum do not belong together. */
  #identityOf(
    halves: Uint32Array,
    at: number,
    row: number,
    blocks?: Uint32Array,
  ): StatementIdentity | undefined {
    const sequence = readWord(halves, at + STATEMENT_IDENTITY.sequence);
    const known = this.#known[row];
    if (known?.sequence === sequence) return known.identity;
    const sum = new ChecksumSum();
    for (let place = 0; place < STATEMENT_IDENTITY.checksum; place += 1) {
      sum.add(place, lowOf(halves, at + place), highOf(halves, at + place));
    }
    const firstBlock = lowOf(halves, at + STATEMENT_IDENTITY.blockAndBytes);
    const bytes = highOf(halves, at + STATEMENT_IDENTITY.blockAndBytes);
    const text = this.#textOf(firstBlock, bytes, sum, blocks);
    const isWhole =
      text !== undefined &&
      sum.low === lowOf(halves, at + STATEMENT_IDENTITY.checksum) &&
      sum.high === highOf(halves, at + STATEMENT_IDENTITY.checksum);
    if (!isWhole) return undefined;
    const fingerprint = hexOf(halves, at + STATEMENT_IDENTITY.fingerprint);
    const identity = { fingerprint, text: row === OTHER_ID ? OTHER_NAME : text };
    this.#known[row] = { sequence, identity };
    return identity;
  }

  /** Follows a chain that may lead anywhere: another writer may be at it, or have damaged it. */
  #textOf(
    firstBlock: number,
    bytes: number,
    sum: ChecksumSum,
    blocks: Uint32Array | undefined,
  ): string | undefined {
    if (bytes > TEXT_BYTES_MAX) return undefined;
    const { textBlocks, capacities } = this.#layout;
    const blockCount = textBlockCountOf(capacities);
    const wordCount = Math.ceil(bytes / 8);
    const text = new Uint32Array(2 * wordCount);
    let block = firstBlock;
    let word = 0;
    while (word < wordCount) {
      if (block === 0 || block > blockCount) return undefined;
      const start = (block - 1) * TEXT_BLOCK.words;
      const halves = blocks ?? this.#arena.copy(textBlocks + start, TEXT_BLOCK.words);
      const at = blocks === undefined ? 0 : start;
      const end = Math.min(wordCount, word + TEXT_BLOCK.textWords);
      for (let source = at + TEXT_BLOCK.text; word < end; source += 1, word += 1) {
        text[2 * word] = lowOf(halves, source);
        text[2 * word + 1] = highOf(halves, source);
        const place = STATEMENT_IDENTITY.checksum + word;
        sum.add(place, lowOf(halves, source), highOf(halves, source));
      }
      block = lowOf(halves, at + TEXT_BLOCK.next);
    }
    return Buffer.from(text.buffer, 0, bytes).toString('utf8');
  }
}

function generationOfSequence(sequence: number): number {
  return (sequence / 2 - 1) % 65_536;
}
