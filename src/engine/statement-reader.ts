/** Reads the statement table of an arena, whose rows change hands while it is read. */
import { ATTEMPTS_MAX } from './arena.ts';
import type { ArenaCopier } from './arena.ts';
import { ChecksumSum, sumOf } from './checksum.ts';
import { OTHER_ID } from './engine.ts';
import type { StatementIdentity } from './engine.ts';
import {
  generationOfSequence,
  generationOfStatement,
  HEADER,
  histogramWordsOf,
  rowOfStatement,
  STATEMENT_IDENTITY,
  STATEMENT_SHAPE,
  STATEMENT_TOTALS,
  TEXT_BLOCK,
  TEXT_BYTES_MAX,
  textBlockCountOf,
} from './layout.ts';
import type { ArenaLayout } from './layout.ts';
import type { StatementDictionary, TextSum } from './statement-dictionary.ts';
import { StatementTable } from './statement-table.ts';
import { highOf, lowOf, readWord } from './words.ts';

export interface StatementRead {
  readonly table: StatementTable;
  readonly isConsistent: boolean;
}

/** Texts that are fetched one by one; for more of them all blocks are copied at once. */
const SINGLE_TEXTS_MAX = 8;

const { words: IDENTITY_WORDS } = STATEMENT_IDENTITY;

export class StatementReader {
  readonly #arena: ArenaCopier;
  readonly #layout: ArenaLayout;
  readonly #dictionary: StatementDictionary;
  /** By row: the sequence's halves at which its entry was looked up, and the entry. */
  readonly #sequences: Uint32Array;
  readonly #entries: Int32Array;
  /** What the entries are numbers in. */
  #identities: readonly StatementIdentity[] = [];

  constructor(arena: ArenaCopier, layout: ArenaLayout, dictionary: StatementDictionary) {
    this.#arena = arena;
    this.#layout = layout;
    this.#dictionary = dictionary;
    const rowsMax = layout.capacities.statementsMax + 1;
    this.#sequences = new Uint32Array(2 * rowsMax);
    this.#entries = new Int32Array(rowsMax);
  }

  statement(id: number): StatementIdentity | undefined {
    if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff) return undefined;
    const row = rowOfStatement(id);
    if (row > this.#layout.capacities.statementsMax) return undefined;
    this.#useDictionary();
    const first = this.#layout.statementIdentities + row * IDENTITY_WORDS;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const halves = this.#arena.copy(first, IDENTITY_WORDS);
      const sequence = readWord(halves, STATEMENT_IDENTITY.sequence);
      if (sequence === 0 || sequence % 2 === 1) return undefined;
      if (generationOfSequence(sequence) !== generationOfStatement(id)) return undefined;
      const entry = this.#entryOf(row, halves, 0);
      if (entry !== -1) return this.#identities[entry];
    }
    this.#arena.tornCount += 1;
    return undefined;
  }

  read(withHistograms: boolean): StatementRead {
    this.#useDictionary();
    for (let attempt = 1; ; attempt += 1) {
      const before = this.#header();
      const { table, tornCount } = this.#copyTable(before, withHistograms);
      const evictions = readWord(before, HEADER.evictionSequence);
      const wasSteady =
        evictions % 2 === 0 && readWord(this.#header(), HEADER.evictionSequence) === evictions;
      if (wasSteady && tornCount === 0) return { table, isConsistent: true };
      if (attempt < ATTEMPTS_MAX) continue;
      this.#arena.tornCount += tornCount;
      return { table, isConsistent: false };
    }
  }

  /** Entries of a dictionary that has begun anew are nobody's any more. */
  #useDictionary(): void {
    this.#dictionary.trim();
    if (this.#dictionary.identities === this.#identities) return;
    this.#identities = this.#dictionary.identities;
    this.#sequences.fill(0);
  }

  #header(): Uint32Array {
    return this.#arena.copy(0, HEADER.words);
  }

  #copyTable(
    header: Uint32Array,
    withHistograms: boolean,
  ): { table: StatementTable; tornCount: number } {
    const layout = this.#layout;
    const rowsMax = layout.capacities.statementsMax + 1;
    const rowCount = Math.min(readWord(header, HEADER.statementCount), rowsMax);
    const histogramWords = rowCount * histogramWordsOf(STATEMENT_SHAPE);
    const identityWords = this.#arena.copy(layout.statementIdentities, rowCount * IDENTITY_WORDS);
    const totals = this.#arena.copy(layout.statementTotals, rowCount * STATEMENT_TOTALS.words);
    const histograms = withHistograms
      ? this.#arena.copy(layout.statementHistograms, histogramWords)
      : undefined;
    const blocks = this.#blocksFor(identityWords, rowCount);
    const after = this.#arena.copy(layout.statementIdentities, rowCount * IDENTITY_WORDS);
    const rows = new Uint16Array(rowCount);
    const entries = new Int32Array(rowCount);
    let count = 0;
    let tornCount = 0;
    for (let row = 0; row < rowCount; row += 1) {
      if (!isOccupied(identityWords, row) || !isSameSequence(identityWords, after, row)) continue;
      // Row 0 stands for what has no row of its own: most often there is no such thing.
      if (row === OTHER_ID && readWord(totals, STATEMENT_TOTALS.callCount) === 0) continue;
      const entry = this.#entryOf(row, identityWords, row * IDENTITY_WORDS, blocks);
      if (entry === -1) {
        tornCount += 1;
        continue;
      }
      rows[count] = row;
      entries[count] = entry;
      count += 1;
    }
    const identities = this.#identities;
    const columns = { count, rows, entries, identities, identityWords, totals, histograms };
    return { table: new StatementTable(columns), tornCount };
  }

  /** All text blocks where many rows are new; undefined where it is cheaper to fetch them singly. */
  #blocksFor(identityWords: Uint32Array, rowCount: number): Uint32Array | undefined {
    let newCount = 0;
    for (let row = 0; row < rowCount; row += 1) {
      if (!isOccupied(identityWords, row)) continue;
      const at = row * IDENTITY_WORDS;
      if (this.#knownEntry(row, identityWords, at) !== -1) continue;
      const fingerprint = 2 * (at + STATEMENT_IDENTITY.fingerprint);
      const low = identityWords[fingerprint] ?? 0;
      if (this.#dictionary.find(low, identityWords[fingerprint + 1] ?? 0) === -1) newCount += 1;
    }
    if (newCount <= SINGLE_TEXTS_MAX) return undefined;
    const { textBlocks, capacities } = this.#layout;
    return this.#arena.copy(textBlocks, textBlockCountOf(capacities) * TEXT_BLOCK.words);
  }

  /** -1 for a row that has changed hands since, or was never seen. */
  #knownEntry(row: number, identityWords: Uint32Array, at: number): number {
    const isKnown =
      identityWords[2 * at] === this.#sequences[2 * row] &&
      identityWords[2 * at + 1] === this.#sequences[2 * row + 1];
    return isKnown ? (this.#entries[row] ?? -1) : -1;
  }

  /**
   * The dictionary's entry of the row whose identity lies at `at`; -1 where fingerprint, text and
   * checksum do not belong together.
   */
  #entryOf(row: number, identityWords: Uint32Array, at: number, blocks?: Uint32Array): number {
    const known = this.#knownEntry(row, identityWords, at);
    if (known !== -1) return known;
    const entry = this.#lookUp(identityWords, at, blocks);
    if (entry === -1) return -1;
    this.#sequences[2 * row] = identityWords[2 * at] ?? 0;
    this.#sequences[2 * row + 1] = identityWords[2 * at + 1] ?? 0;
    this.#entries[row] = entry;
    return entry;
  }

  #lookUp(identityWords: Uint32Array, at: number, blocks: Uint32Array | undefined): number {
    const fingerprint = at + STATEMENT_IDENTITY.fingerprint;
    const low = lowOf(identityWords, fingerprint);
    const high = highOf(identityWords, fingerprint);
    const bytes = highOf(identityWords, at + STATEMENT_IDENTITY.blockAndBytes);
    const known = this.#dictionary.find(low, high);
    const sum = known === -1 ? undefined : this.#dictionary.sumOf(known);
    // Another row has the same text, and the checksum is one over that.
    if (sum?.bytes === bytes && isOverText(identityWords, at, sum)) return known;
    const firstBlock = lowOf(identityWords, at + STATEMENT_IDENTITY.blockAndBytes);
    const found = this.#textOf(firstBlock, bytes, blocks);
    if (found === undefined || !isOverText(identityWords, at, found.sum)) return -1;
    return this.#dictionary.add(low, high, found.text, found.sum);
  }

  /** Follows a chain that may lead anywhere: another writer may be at it, or have damaged it. */
  #textOf(
    firstBlock: number,
    bytes: number,
    blocks: Uint32Array | undefined,
  ): { text: string; sum: TextSum } | undefined {
    if (bytes > TEXT_BYTES_MAX) return undefined;
    const { textBlocks, capacities } = this.#layout;
    const blockCount = textBlockCountOf(capacities);
    const wordCount = Math.ceil(bytes / 8);
    const text = new Uint32Array(2 * wordCount);
    const sum = new ChecksumSum();
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
    return {
      text: Buffer.from(text.buffer, 0, bytes).toString('utf8'),
      sum: { bytes, low: sum.low, high: sum.high },
    };
  }
}

function isOccupied(identityWords: Uint32Array, row: number): boolean {
  const low = identityWords[2 * row * IDENTITY_WORDS] ?? 0;
  const high = identityWords[2 * row * IDENTITY_WORDS + 1];
  return low % 2 === 0 && (low !== 0 || high !== 0);
}

function isSameSequence(words: Uint32Array, others: Uint32Array, row: number): boolean {
  const low = 2 * row * IDENTITY_WORDS;
  return words[low] === others[low] && words[low + 1] === others[low + 1];
}

/** Whether the identity's checksum is that of its words and of the text. */
function isOverText(identityWords: Uint32Array, at: number, text: TextSum): boolean {
  const { checksum } = STATEMENT_IDENTITY;
  const low = sumOf(identityWords, 2 * at, 0, checksum) + text.low;
  const high = sumOf(identityWords, 2 * at + 1, 0, checksum) + text.high;
  return (
    low >>> 0 === lowOf(identityWords, at + checksum) &&
    high >>> 0 === highOf(identityWords, at + checksum)
  );
}
