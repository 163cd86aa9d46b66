/** What is added up by column must be what is added up row by row. */
import { describe, expect, test } from 'vitest';

import { NO_HANDLE, OUTCOME, type RecorderSnapshot } from '../../src/engine/engine.ts';
import { arenaLayoutOf, STATEMENT_IDENTITY } from '../../src/engine/layout.ts';
import { PortableRecorder } from '../../src/engine/portable/recorder.ts';
import { normalizeSql } from '../../src/engine/portable/sql/index.ts';
import { ArenaReader } from '../../src/engine/reader.ts';
import { StatementDictionary } from '../../src/engine/statement-dictionary.ts';
import { statementTableOf } from '../../src/engine/statement-table.ts';
import { Merger } from '../../src/segments/merge.ts';
import { createRandom, TEST_SEED } from '../conformance/support/random.ts';

const CAPACITIES = {
  inFlightQueriesMax: 4,
  inFlightRequestsMax: 4,
  recentQueriesMax: 8,
  recentRequestsMax: 4,
  statementsMax: 32,
  routesMax: 4,
};
const LAYOUT = arenaLayoutOf(CAPACITIES);
const CALLS = new Proxy({}, { get: () => 0, set: () => true }) as never;

interface Arena {
  readonly words: BigUint64Array;
  readonly recorder: PortableRecorder;
}

function arenaWith(statements: readonly string[]): Arena {
  const words = new BigUint64Array(LAYOUT.arenaWords);
  const recorder = new PortableRecorder(
    CAPACITIES,
    { nowNs: () => 1, normalizeSql, calls: CALLS },
    words,
  );
  statements.forEach((sql, index) => record(recorder, sql, index));
  return { words, recorder };
}

function record(recorder: PortableRecorder, sql: string, durationNs: number): void {
  const id = recorder.internStatement(sql);
  const outcome = durationNs % 3 === 0 ? OUTCOME.error : OUTCOME.ok;
  recorder.recordQuery(id, NO_HANDLE, 1, durationNs, durationNs % 7, outcome, durationNs % 5);
}

function readerOf({ words }: Arena, dictionary: StatementDictionary): ArenaReader {
  const read = (first: number, target: BigUint64Array): void => {
    target.set(words.subarray(first, first + target.length));
  };
  return new ArenaReader(read, 0, dictionary);
}

/** The same, as objects alone. */
function plain(snapshot: RecorderSnapshot): RecorderSnapshot {
  return { ...snapshot, statements: [...snapshot.statements] };
}

const byFingerprint = (a: { fingerprint: string }, b: { fingerprint: string }): number =>
  a.fingerprint < b.fingerprint ? -1 : 1;

test(`sums by column are sums by row, in whatever order statements came (seed ${TEST_SEED})`, () => {
  const random = createRandom(TEST_SEED);
  const below = (limit: number): number => Math.floor(random() * limit);
  const dictionary = new StatementDictionary();
  const arenas = Array.from({ length: 8 }, () => arenaWith([]));
  const readers = arenas.map((arena) => readerOf(arena, dictionary));
  for (let round = 0; round < 20; round += 1) {
    for (const { recorder } of arenas) {
      // More statements than rows: some give theirs to others.
      for (let query = below(60); query > 0; query -= 1) {
        record(recorder, `SELECT c${below(80)} FROM t`, below(2 ** 40));
      }
    }
    const snapshots = readers.map((reader) => reader.snapshot(0, { histograms: false }));
    const byColumn = new Merger();
    const byRow = new Merger();
    for (const snapshot of snapshots) {
      expect(statementTableOf(snapshot)).toBeDefined();
      expect(statementTableOf(plain(snapshot))).toBeUndefined();
      byColumn.add(snapshot, true);
      byRow.add(plain(snapshot), true);
    }
    const expected = byRow.result();
    const merged = byColumn.result();
    expect(merged.statements.toSorted(byFingerprint)).toEqual(
      expected.statements.toSorted(byFingerprint),
    );
    expect(merged.totals).toEqual(expected.totals);
    const calls = merged.statements.reduce((sum, { callCount }) => sum + callCount, 0);
    expect(calls).toBe(merged.totals.queryCount);
  }
  expect(snapshotTexts(readers[0])).toContain('<other>');
});

function snapshotTexts(reader: ArenaReader | undefined): readonly string[] {
  return reader?.snapshot(0).statements.map(({ text }) => text) ?? [];
}

test('arenas of different dictionaries, and one that brings histograms, are added up as well', () => {
  const read = (...statements: string[]): ArenaReader =>
    readerOf(arenaWith(statements), new StatementDictionary());
  const merged = new Merger()
    .add(read('SELECT a').snapshot(0, { histograms: false }), true)
    .add(read('SELECT b', 'SELECT a').snapshot(0, { histograms: false }), true)
    .add(read('SELECT a').snapshot(0), true)
    .result();
  const counts = merged.statements.map(({ text, callCount }) => [text, callCount]);
  expect(new Map(counts as [string, number][])).toEqual(
    new Map([
      ['SELECT a', 3],
      ['SELECT b', 1],
    ]),
  );
});

describe('a dictionary that several arenas share', () => {
  const identityOfRow1 = LAYOUT.statementIdentities + STATEMENT_IDENTITY.words;

  test('gives a statement its text without that of each arena', () => {
    const dictionary = new StatementDictionary();
    expect(snapshotTexts(readerOf(arenaWith(['SELECT a']), dictionary))).toEqual(['SELECT a']);
    const other = arenaWith(['SELECT b', 'SELECT a']);
    other.words.fill(0n, LAYOUT.textBlocks + 32, LAYOUT.textBlocks + 64);
    expect(snapshotTexts(readerOf(other, dictionary))).toEqual(['SELECT b', 'SELECT a']);
    expect(snapshotTexts(readerOf(other, new StatementDictionary()))).toEqual(['SELECT b']);
  });

  test('takes no damaged row for the statement that it knows', () => {
    const dictionary = new StatementDictionary();
    snapshotTexts(readerOf(arenaWith(['SELECT a', 'SELECT b']), dictionary));
    for (let word = 0; word < STATEMENT_IDENTITY.words; word += 1) {
      for (const bit of [1n, 33n, 63n]) {
        const arena = arenaWith(['SELECT a']);
        const at = identityOfRow1 + word;
        arena.words[at] = (arena.words[at] ?? 0n) ^ (1n << bit);
        expect(snapshotTexts(readerOf(arena, dictionary)), `word ${word}`).toEqual([]);
      }
    }
  });

  test('begins anew when it is full, and whoever used it goes on', () => {
    const dictionary = new StatementDictionary();
    const reader = readerOf(arenaWith(['SELECT a']), dictionary);
    const before = reader.snapshot(0, { histograms: false });
    const full = dictionary.identities;
    for (let entry = 1; entry <= 131_072; entry += 1) {
      dictionary.add(entry, 7, 'SELECT x', { bytes: 8, low: 0, high: 0 });
    }
    expect(dictionary.identities).toBe(full);
    const after = reader.snapshot(0, { histograms: false });
    expect(dictionary.identities).not.toBe(full);
    expect(dictionary.identities.length).toBe(2);
    const merged = new Merger().add(before, true).add(after, true).result();
    expect(merged.statements).toMatchObject([{ text: 'SELECT a', callCount: 2 }]);
  });
});
