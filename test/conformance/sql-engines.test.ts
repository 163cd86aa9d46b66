import { describe, expect, test } from 'vitest';
import { ADVERSARIES, anyStatement, createRandom } from '../../bench/sql-statements.mjs';
import type { NormalizeOptions } from '../../src/types/sql.ts';
import { announceCorpus, corpusStatements } from '../sql/support/corpus.ts';
import { bothEngines } from './support/engines.ts';

announceCorpus();

const FUZZED_COUNT = 60_000;
const SEED = Number(process.env['SQL_SEED'] ?? Date.now() % 1_000_000_007);

const OPTIONS: readonly NormalizeOptions[] = [
  {},
  { standardConformingStrings: true },
  { standardConformingStrings: false },
  { placeholders: 'question' },
  { placeholders: 'named' },
  { placeholders: 'format', standardConformingStrings: true },
];

const [native, portable] = bothEngines();

function expectSame(sql: string, options: NormalizeOptions): void {
  const normalized = native.normalizeSql(sql, options);
  const again = native.normalizeSql(normalized.text, options);
  expect(normalized, sql).toEqual(portable.normalizeSql(sql, options));
  expect(native.scanSql(sql, options), sql).toEqual(portable.scanSql(sql, options));
  expect([again.text, again.fingerprint], sql).toEqual([normalized.text, normalized.fingerprint]);
}

describe('both engines read SQL alike, byte for byte', () => {
  test('on every statement of the corpus, with every option', () => {
    for (const sql of corpusStatements()) {
      for (const options of OPTIONS) expectSame(sql, options);
    }
  });

  test(`on ${FUZZED_COUNT} fuzzed inputs (SQL_SEED=${SEED})`, { timeout: 120_000 }, () => {
    const random = createRandom(SEED);
    const examples = corpusStatements().filter((sql) => sql.length < 600);
    for (let index = 0; index < FUZZED_COUNT; index += 1) {
      const options = OPTIONS[index % OPTIONS.length] ?? {};
      expectSame(anyStatement(random, examples), options);
    }
  });

  test('on statements around the longest text, with the mark of a cut behind them', () => {
    const names = `SELECT a${', "b"'.repeat(2_000)}`;
    for (let bytes = 8_100; bytes <= 8_220; bytes += 1) {
      const sql = `${names.slice(0, bytes)} … <cut: 0123456789abcdef>`;
      expectSame(sql, {});
      expect(Buffer.byteLength(native.normalizeSql(sql).text)).toBeLessThanOrEqual(8_192);
    }
  });

  test.each(Object.entries(ADVERSARIES))('on 100 kB of %s', (_name, create) => {
    for (const options of OPTIONS) expectSame(create(100_000), options);
  });
});
