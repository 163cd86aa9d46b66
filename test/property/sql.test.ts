/**
 * Statements in pairs: what may not change the fingerprint, and what must where PostgreSQL's
 * parser sees a difference (through libpg-query, which knows no more than the grammar).
 */
import fc from 'fast-check';
import { fingerprintSync, loadModule, parseSync } from 'libpg-query';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom, literal, validStatement } from '../../bench/sql-statements.mjs';
import { normalizeSql, scanSql } from '../../src/sql/index.ts';

const KNOWN = { standardConformingStrings: true } as const;
/** Signs and NULL, TRUE and FALSE are tokens beside the literal: not every place takes them. */
const PLAIN_LITERALS = [
  "'x'",
  "E'it\\'s'",
  '$$x$$',
  "U&'\\0061'",
  "B'1'",
  '1',
  '1.5e3',
  '0x1F',
  '$7',
];
const GAPS = ['  ', '\n', '\t\r\n', ' /* c */ ', ' /* /* */ */ ', " -- it's\n"];
const QUERY = /^(?:SELECT|INSERT|UPDATE|DELETE|WITH)/;

const seeds = fc.integer({ min: 0, max: 0x7fffffff });

/** The reference's fingerprint; undefined for what its grammar does not take. */
function reference(sql: string): string | undefined {
  try {
    parseSync(sql);
    // On an error of the scanner this gives the message instead of throwing.
    const fingerprint = fingerprintSync(sql);
    return /^[0-9a-f]{16}$/.test(fingerprint) ? fingerprint : undefined;
  } catch {
    return undefined;
  }
}

function fingerprint(sql: string): string {
  return normalizeSql(sql, KNOWN).fingerprint;
}

/** Replaces the bytes of each literal and parameter. */
function replaceValues(sql: string, value: (index: number) => string): string {
  const { literals, parameters } = scanSql(sql);
  const bytes = Buffer.from(sql);
  let end = 0;
  let replaced = '';
  const spans = [...literals, ...parameters].sort((a, b) => a[0] - b[0]);
  for (const [index, [start, length]] of spans.entries()) {
    replaced += bytes.toString('utf8', end, start) + value(index);
    end = start + length;
  }
  return replaced + bytes.toString('utf8', end);
}

/** Applies a change to the text outside of strings, quoted names and parameters. */
function changeOutside(sql: string, change: (text: string) => string): string {
  return sql.replace(
    /('(?:[^'\\]|\\.|'')*'|\$([a-z]*)\$[^]*?\$\2\$|"(?:[^"]|"")*"|\$\d+)|[^'"$]+/g,
    (whole, kept: string | undefined) => (kept === undefined ? change(whole) : whole),
  );
}

beforeAll(async () => {
  await loadModule();
});

describe('fingerprints and the reference', () => {
  test('spaces, comments and case change nothing', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...GAPS), fc.boolean(), (seed, gap, isUpper) => {
        const sql = validStatement(createRandom(seed));
        // E'…' and its kin keep their prefix: only spaces change, and the case of everything.
        const spaced = changeOutside(sql, (text) => text.replaceAll(' ', gap));
        const cased = changeOutside(sql, (text) => {
          return isUpper ? text.toUpperCase().replaceAll('É', 'é') : text.toLowerCase();
        });
        expect(fingerprint(spaced), spaced).toBe(fingerprint(sql));
        expect(fingerprint(cased), cased).toBe(fingerprint(sql));
        expect(fingerprint(`${sql} ;`)).toBe(fingerprint(sql));
      }),
      { numRuns: 2000 },
    );
  });

  test('other values change nothing, in whichever spelling', () => {
    fc.assert(
      fc.property(seeds, seeds, (seed, other) => {
        const random = createRandom(other);
        // A sign belongs to numbers only, so that a signed one keeps being a number.
        const sql = validStatement(createRandom(seed)).replace(/[-+](?=\s*[\d.$'"(a-zA-Z])/g, '* ');
        if (sql.includes('UESCAPE')) return;
        const changed = replaceValues(sql, () => ` ${random.pick(PLAIN_LITERALS)} `);
        // N'…' is a keyword and a string to the scanner: the N would stand alone.
        if (/\bN\s*'/i.test(sql)) return;
        expect(fingerprint(changed), `${sql}\n${changed}`).toBe(fingerprint(sql));
      }),
      { numRuns: 2000 },
    );
  });

  test('the length of a list of values changes nothing', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 9 }), (seed, length) => {
        const random = createRandom(seed);
        const items = Array.from({ length }, () => literal(random)).join(', ');
        const rows = Array.from({ length }, () => `(${literal(random)}, DEFAULT)`).join(', ');
        expect(fingerprint(`SELECT a FROM t WHERE b IN (${items})`)).toBe(
          fingerprint('SELECT a FROM t WHERE b IN ($1)'),
        );
        expect(fingerprint(`SELECT ARRAY[${items}]`)).toBe(fingerprint('SELECT ARRAY[1]'));
        expect(fingerprint(`INSERT INTO t VALUES ${rows}`)).toBe(
          fingerprint('INSERT INTO t VALUES (1, DEFAULT)'),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('another name or operator gives another fingerprint, where the reference says so', () => {
    let comparedCount = 0;
    fc.assert(
      fc.property(seeds, seeds, (seed, other) => {
        const random = createRandom(other);
        const sql = validStatement(createRandom(seed));
        const words = [
          ...sql.matchAll(/\b(?:id|name|users|orders|total|lower|count)\b|[<>=]+|\|\|/g),
        ];
        const word = random.pick(words);
        if (!QUERY.test(sql) || word === undefined) return;
        const changed = /\w/.test(word[0]) ? 'elsewhere' : '<@';
        const mutated = sql.slice(0, word.index) + changed + sql.slice(word.index + word[0].length);
        const before = reference(sql);
        const after = reference(mutated);
        if (before === undefined || after === undefined || before === after) return;
        comparedCount += 1;
        expect(fingerprint(mutated), `${sql}\n${mutated}`).not.toBe(fingerprint(sql));
      }),
      { numRuns: 1500 },
    );
    expect(comparedCount).toBeGreaterThan(200);
  });

  test('values in other forms share a fingerprint only where the reference gives one', () => {
    const forms = [
      '1',
      "'x'",
      '$1',
      '-1',
      '- 1',
      '+1',
      '-$1',
      '- -1',
      '+ -1',
      'NULL',
      'DEFAULT',
      '1::int',
      '-1::int',
      '(1)',
      '(-1)',
      '(-$1)',
      '(1)::int',
      'CAST(1 AS int)',
      'CAST(-$1 AS int)',
      '(-$1)::int',
      "date 'x'",
      "interval '1' day",
      '1, 2',
      '1, -2',
      '1, +2',
      '1), (2',
      '1, 2::int',
      'a',
      'NOT 1',
      'ARRAY[1]',
      'ARRAY[1, 2]',
      '(SELECT 1)',
      '1 + 1',
      '1 -1',
      'ROW(1)',
      'f(1)',
      '"a"',
      '@- 1',
      '1::int::text',
    ];
    const frames = [
      'SELECT a FROM t WHERE b IN (#)',
      'SELECT ARRAY[#]',
      'INSERT INTO t VALUES (#)',
      'SELECT #, 2',
      'SELECT a FROM t WHERE b = # AND c BETWEEN # AND 3',
      'SELECT a[#], f(x => #) FROM t LIMIT #',
      'SELECT a FROM t WHERE b IN (1, #, 3)',
      'INSERT INTO t VALUES (1, #), (2, 3)',
    ];
    for (const frame of frames) {
      const seen = new Map<string, { readonly expected: string; readonly sql: string }>();
      for (const form of forms) {
        for (const second of forms) {
          const sql = frame.replace('#', form).replaceAll('#', second);
          const expected = reference(sql);
          if (expected === undefined) continue;
          const ours = fingerprint(sql);
          const first = seen.get(ours) ?? { expected, sql };
          seen.set(ours, first);
          expect(expected, `${first.sql}\n${sql}`).toBe(first.expected);
        }
      }
      expect(seen.size).toBeGreaterThan(3);
    }
  });
});
