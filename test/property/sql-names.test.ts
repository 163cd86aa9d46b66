/**
 * Lists of nested casts, and the statements whose names applications make anew: what may not
 * change the fingerprint, and what must where PostgreSQL's parser sees a difference.
 */
import { fingerprintSync, loadModule, parseSync } from 'libpg-query';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../bench/sql-statements.mjs';
import { normalizeSql } from '../../src/sql/index.ts';

const SEED = Number(process.env['SQL_SEED'] ?? Date.now() % 0x7fffffff);
const KNOWN = { standardConformingStrings: true } as const;
const CANARY = /ZQX/i;

type Random = ReturnType<typeof createRandom>;

const TYPES = [
  ...['text', 'INT', 'int8', '"public"."Status"', 'public."Status"[]', 'numeric(10,2)', 'int[]'],
  ...['timestamp(3) with time zone', 'time without time zone', 'character varying(10)', 'int[3][]'],
  ...['interval day to second', 'bit varying(3)', 'double precision', 'int ARRAY[4]', '"Status"'],
];
const VALUES = ['$1', '7', "'x'", 'NULL', 'true', "E'x'", '(-3)', '($2)'];

/** The reference's fingerprint; undefined for what its grammar does not take. */
function reference(sql: string): string | undefined {
  try {
    parseSync(sql);
    const fingerprint = fingerprintSync(sql);
    return /^[0-9a-f]{16}$/.test(fingerprint) ? fingerprint : undefined;
  } catch {
    return undefined;
  }
}

/** What both engines say, which is stable. */
function fingerprint(sql: string): string {
  const native = normalizeSql(sql, { ...KNOWN, engine: 'native' });
  expect(normalizeSql(sql, { ...KNOWN, engine: 'portable' }), sql).toEqual(native);
  const again = normalizeSql(native.text, KNOWN);
  expect([again.text, again.fingerprint], sql).toEqual([native.text, native.fingerprint]);
  expect(native.text, sql).not.toMatch(CANARY);
  return native.fingerprint;
}

/** An element with `#` in the place of its value: its casts are those of each other element. */
function castForm(random: Random): string {
  let form = '#';
  for (let depth = random.below(5); depth > 0; depth -= 1) {
    const type = random.pick(TYPES);
    if (random.chance(2)) form = `CAST(${form} AS ${type})`;
    else form = `${random.chance(2) ? `(${form})` : form}::${type}`;
    // A sign before a parenthesis leaves a list alone, and so does a second one.
    const takesSign = form.startsWith('CAST') && !/\([-+]/.test(form);
    if (takesSign && random.chance(12)) form = `(${random.pick(['-', '+'])}${form})`;
  }
  return form;
}

function list(random: Random, form: string, count: number, frame: string): string {
  const elements = Array.from({ length: count }, () => {
    return form.replace('#', () => random.pick(VALUES));
  });
  return frame.replace('#', elements.join(frame.includes('VALUES') ? '), (' : ', '));
}

const FRAMES = [
  'SELECT a FROM t WHERE b IN (#)',
  'SELECT ARRAY[#]',
  'INSERT INTO t VALUES (#)',
  'UPDATE t SET a = 1 WHERE b NOT IN (#) AND c = 2',
];

/** `#` is the name. */
const NAMED = [
  ...['SAVEPOINT #', 'RELEASE #', 'release savepoint #', 'ROLLBACK TO #', 'DEALLOCATE #'],
  ...['ROLLBACK TO SAVEPOINT #', 'ROLLBACK WORK TO #', 'ROLLBACK TRANSACTION TO SAVEPOINT #'],
  ...['DEALLOCATE PREPARE #', 'CLOSE #', 'LISTEN #', 'UNLISTEN #', 'NOTIFY #', "NOTIFY #, 'x'"],
  ...['DECLARE # CURSOR FOR SELECT a FROM t', 'DECLARE # CURSOR FOR SELECT b FROM t'],
  ...['DECLARE # BINARY NO SCROLL CURSOR WITH HOLD FOR SELECT a FROM t', 'EXECUTE #'],
  ...['FETCH #', 'FETCH 10 FROM #', 'FETCH -2 #', 'FETCH FORWARD ALL IN #', 'FETCH NEXT #'],
  ...['FETCH PRIOR FROM #', 'MOVE #', 'MOVE ABSOLUTE -1 IN #', 'MOVE BACKWARD ALL #'],
  ...['EXECUTE #(1)', "EXECUTE #('x', 2)", 'PREPARE # AS SELECT a FROM t WHERE b = $1'],
  ...['PREPARE # (int, numeric(3, 2)) AS DELETE FROM t', 'SAVEPOINT #; SELECT 1; RELEASE #'],
];
const NAMES = [
  ...['zqx_1', 'ZQX2', '"zqx 3"', '"Zqx""4"', 'U&"zqx5"', 'U&"zqx!0061" UESCAPE \'!\'', 'zqxé'],
  ...['savepoint', 'transaction', 'prepare', 'to', 'work', 'next', 'forward', 'prior', 'first'],
  ...['declare', 'cursor', 'uescape', 'set', 'names', 'values', '"all"', '"select"', 'absolute'],
];

/** Other spaces, comments and case around the tokens of a statement. */
function respell(random: Random, sql: string): string {
  return sql.replaceAll(/ |\w+/g, (token) => {
    if (token === ' ') return random.pick([' ', '  ', '\n', ' /* zqx */ ', ' -- zqx\n']);
    return random.pick([token, token.toUpperCase(), token.toLowerCase()]);
  });
}

beforeAll(async () => {
  await loadModule();
});

describe(`casts and names (SQL_SEED=${SEED})`, () => {
  test('lists of any nest of casts have one fingerprint, whatever their length', () => {
    const random = createRandom(SEED);
    let comparedCount = 0;
    for (let round = 0; round < 1000; round += 1) {
      const form = castForm(random);
      const frame = random.pick(FRAMES);
      const one = list(random, form, 1, frame);
      const many = list(random, form, 2 + random.below(9), frame);
      if (reference(one) === undefined) continue;
      comparedCount += 1;
      expect(fingerprint(many), `${one}\n${many}`).toBe(fingerprint(one));
    }
    expect(comparedCount).toBeGreaterThan(500);
  });

  test('lists of casts share a fingerprint only where the reference gives one', () => {
    const random = createRandom(SEED + 1);
    const seen = new Map<string, { readonly expected: string; readonly sql: string }>();
    let sharedCount = 0;
    for (let round = 0; round < 6_000; round += 1) {
      const frame = random.pick(FRAMES.filter((other) => !other.includes('ARRAY')));
      const types = ['a', 'b'];
      const isRows = frame.includes('VALUES');
      const element = (): string => {
        let text = random.pick(['$1', '7', "'x'", '-$1', '(-$1)', '(1)', 'CAST(-$1 AS a)', '+1']);
        for (let depth = random.below(3); depth > 0; depth -= 1) {
          const type = random.pick(types);
          text = random.chance(2) ? `${text}::${type}` : `CAST(${text} AS ${type})`;
        }
        return random.chance(9) ? `-${text}` : text;
      };
      const count = 1 + random.below(3);
      const width = isRows ? 1 + random.below(2) : 1;
      const rows = Array.from({ length: count }, () => {
        return Array.from({ length: width }, element).join(', ');
      });
      const sql = frame.replace('#', rows.join(isRows ? '), (' : ', '));
      const expected = reference(sql);
      if (expected === undefined) continue;
      const ours = fingerprint(sql);
      const first = seen.get(ours);
      if (first === undefined) seen.set(ours, { expected, sql });
      else if (first.sql !== sql) {
        sharedCount += 1;
        expect(expected, `${first.sql}\n${sql}`).toBe(first.expected);
      }
    }
    expect(sharedCount).toBeGreaterThan(100);
  });

  test('statements that differ in such a name have one fingerprint, and show no name', () => {
    const random = createRandom(SEED + 2);
    let comparedCount = 0;
    for (let round = 0; round < 1500; round += 1) {
      const frame = random.pick(NAMED);
      const plain = frame.replaceAll('#', 'x');
      const sql = respell(random, frame).replaceAll('#', () => random.pick(NAMES));
      if (reference(sql) === undefined) continue;
      comparedCount += 1;
      expect(fingerprint(sql), sql).toBe(fingerprint(plain));
    }
    expect(comparedCount).toBeGreaterThan(500);
  });

  test('those statements stay apart from each other where the reference tells them apart', () => {
    const seen = new Map<string, string>();
    const others = [
      'DEALLOCATE ALL',
      'CLOSE ALL',
      'UNLISTEN *',
      'ROLLBACK',
      "PREPARE TRANSACTION 'x'",
    ];
    for (const frame of [...NAMED, ...others, 'ROLLBACK AND CHAIN', "ROLLBACK PREPARED 'x'"]) {
      const sql = frame.replaceAll('#', 'x');
      const ours = fingerprint(sql);
      const expected = reference(sql) as string;
      expect(expected, sql).toBeDefined();
      expect(seen.get(ours) ?? expected, sql).toBe(expected);
      seen.set(ours, expected);
    }
  });
});
