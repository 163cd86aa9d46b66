/** The paths for plain tokens and plain lists change what a statement takes, and nothing else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ADVERSARIES, anyStatement, createRandom } from '../../bench/sql-statements.mjs';
import { Normalizer } from '../../src/engine/portable/sql/normalizer.ts';
import { SqlSource } from '../../src/engine/portable/sql/source.ts';
import type { NormalizeOptions } from '../../src/types/sql.ts';
import { corpusStatements } from './support/corpus.ts';

const SEED = Number(process.env['SQL_SEED'] ?? Date.now() % 0x7fffffff);
const OPTIONS: readonly NormalizeOptions[] = [
  {},
  { standardConformingStrings: true },
  { standardConformingStrings: false },
  { placeholders: 'question' },
  { placeholders: 'named' },
  { placeholders: 'format', standardConformingStrings: true },
];

const plain = new Normalizer();
const thorough = new Normalizer(new SqlSource(), false);

function expectSame(sql: string, options: NormalizeOptions): void {
  expect(plain.normalize(sql, options), sql).toEqual(thorough.normalize(sql, options));
}

/** Tokens whose neighbours decide, glued or with a space: what the plain path must stop before. */
const PIECES = [
  ...['a', 'Ab', '_x$1', 'é', 'e', 'U&', 'n', 'NULL', 'true', 'default', 'name', 'select', 'SET'],
  ...['IN', 'VALUES', 'ARRAY', 'AS', 'IS', 'NOT', 'ON', 'BY', 'ORDER', 'BETWEEN', 'OPERATOR'],
  ...['"a"', '"A"', '"a b"', '""', '"user"', '"é"', '"a""b"', '"1"', '"$"', '"'],
  ...["'x'", "''", "'it''s'", "'\\'", "'", "E'a'", '$$x$$', '$1', '$2', '$01', '$1234567890', '$'],
  ...['1', '1.5', '0x1f', '1e5', '1a', '.5', '1_0', '-1', '+', '-', '--', '/*', '*/', '/', '*'],
  ...['=', '<', '>', '<=', '!=', '<>', '||', '->', '->>', '=-', '~', '?', '%', '%s', '!', '@>'],
  ...['(', ')', '[', ']', ',', ';', '.', '..', ':', '::', ':=', ':a', '(1)', '(1, 2)', '(1),(2)'],
  ...['(DEFAULT, $1)', "('a','b')", '($1, 2', '\n', '\t', '  ', '\n  ', '\0', '…', '{'],
  ...[
    '$1::int',
    "'x'::a$b",
    '-1::int',
    'DEFAULT::a',
    'NULL::a',
    '(1::é,$1)',
    "(1,'x'::a)",
    '1::n.a',
  ],
  ...[
    '(select',
    '(SELECT 1',
    '-3 ',
    '#>>',
    '*-',
    '=+',
    '<>',
    '>=-',
    'CREATE',
    'FETCH',
    'ALTER',
    'ROLE',
    'cache',
    'START',
  ],
];

describe(`plain tokens (SQL_SEED=${SEED})`, () => {
  test('are read as all others are, in every statement of the corpus', () => {
    for (const sql of corpusStatements()) {
      for (const options of OPTIONS) expectSame(sql, options);
    }
  });

  test('are read as all others are, in statements that change at random', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...OPTIONS), (seed, options) => {
        expectSame(anyStatement(createRandom(seed)), options);
      }),
      { numRuns: 20_000, seed: SEED },
    );
  });

  test('are read as all others are, whatever stands beside them', () => {
    const piece = fc.tuple(fc.constantFrom(...PIECES), fc.constantFrom('', ' '));
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 16 }),
        fc.constantFrom(...OPTIONS),
        (pieces, options) => {
          expectSame(pieces.map(([text, gap]) => text + gap).join(''), options);
        },
      ),
      { numRuns: 40_000, seed: SEED },
    );
  });

  test.each([
    ',1) IN (a',
    ',NULL)ARRAY[IN ( FETCH -11e1e;,DEFAULT ',
    ',(1)VALUES (a',
    'a IN (SELECT 1) b IN ( select -1) VALUES (not 1) ARRAY[distinct 1] OPERATOR (select)',
    'VALUES (DEFAULT , 1), (DEFAULT , 2)',
    'a < -3 OR a = -3::int OR (-4)-5 = - 6 OR a =-1 -- b',
    ', $1)VALUES (a), (1)',
    ']ARRAY[a',
    ')IN (',
    ',(',
    'IN (1, 2',
    'VALUES (1), (2), ',
    'VALUES (1),, (2)',
    'VALUES (-1, - 1), (--1\n)',
    'IN (-1, -2) , IN (-1::int, 2), IN (-$1)',
    "a IN (1::int, $2::int8), b IN ('x'::text) c IN (1::n.a) d IN (1::a[])",
    "VALUES (1::a, 'x'::b), ($1::a, DEFAULT) RETURNING VALUES (DEFAULT::a)",
  ])('and what begins like a list, is read as all others are: %s', (sql) => {
    for (const options of OPTIONS) expectSame(sql, options);
  });

  test('are read as all others are where a text is about to be cut', () => {
    const items = ['a, ', '"aB", ', '1, ', "'x', ", '$1, ', 'a = 1 AND ', 'x IN (1, 2), '];
    for (const item of [...items, "x IN ('y'::z, 2), ", 'a -> 1,\n   ']) {
      const whole = `SELECT ${item.repeat(Math.ceil(8300 / item.length))}`;
      for (let length = 8080; length < 8300; length += 1) {
        expectSame(whole.slice(0, length), {});
      }
      for (let shift = 0; shift < 40; shift += 1)
        expectSame(`SELECT ${'b'.repeat(shift)},${whole}`, {});
    }
  });

  test.each(Object.entries(ADVERSARIES))('are read as all others are in %s', (_name, create) => {
    for (const options of OPTIONS) expectSame(create(20_000), options);
  });
});
