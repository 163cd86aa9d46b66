import { describe, expect, test } from 'vitest';
import { normalizeSql, scanSql } from '../../src/sql/index.ts';
import type { SqlOptions } from '../../src/sql/index.ts';

/** What the hash of `docs/sql.md` gives: another value is another version. */
const VERSION_1 = '3e175c6026c1cd00';

describe.each(['native', 'portable'] as const)('normalizeSql on the %s engine', (engine) => {
  const normalize = (sql: string, options: SqlOptions = {}) =>
    normalizeSql(sql, { engine, ...options });
  const text = (sql: string, options: SqlOptions = {}) => normalize(sql, options).text;
  const fingerprint = (sql: string, options: SqlOptions = {}) =>
    normalize(sql, options).fingerprint;

  test.each([
    ['SELECT 1', 'SELECT $1'],
    ["SELECT $2, 'x', $1", 'SELECT $1, $2, $3'],
    ["SELECT  a\n\tFROM t -- tail\nWHERE b = 'x' ;", 'SELECT a FROM t WHERE b = $1'],
    ['/* a /* b */ c */ SELECT/**/a', 'SELECT a'],
    [
      "SELECT E'it\\'s', $$x$$, $t$ $$ $t$, U&'\\0061', B'1', X'1F', N'n'",
      'SELECT $1, $2, $3, $4, $5, $6, $7',
    ],
    ["SELECT U&'!0061' UESCAPE '!' AS x", 'SELECT $1 AS x'],
    ["SELECT 'a'\n  'b', 1_000, 0x1F, .5, 1e10, 1.", 'SELECT $1, $2, $3, $4, $5, $6'],
    ["SELECT'x'AS y", 'SELECT $1 AS y'],
    ['SELECT $1OR $2', 'SELECT $1 OR $2'],
    ['SELECT a.5', 'SELECT a $1'],
    ['VALUES (1), (2) $3 a', 'VALUES ($1), … $2 a'],
    ['VALUES (1),(2)u&"x"', 'VALUES ($1), … u&"x"'],
    ['SELECT a FROM t LIMIT 10 OFFSET 5', 'SELECT a FROM t LIMIT $1 OFFSET $2'],
    ['SELECT a::varchar(10) FROM t ORDER BY 1', 'SELECT a::varchar($1) FROM t ORDER BY $2'],
  ])('%s becomes %s', (sql, expected) => {
    expect(text(sql)).toBe(expected);
  });

  test.each([
    ['SELECT a FROM t WHERE b IN (7)', 'SELECT a FROM t WHERE b IN ($1)', [1]],
    [
      "SELECT a FROM t WHERE b IN (1, 'x', NULL) AND c = 2",
      'SELECT a FROM t WHERE b IN ($1, …) AND c = $2',
      [3],
    ],
    [
      'SELECT a FROM t WHERE b IN (1::int, (2), -3, CAST($1 AS int))',
      'SELECT a FROM t WHERE b IN ($1::int, …)',
      [4],
    ],
    [
      'SELECT a FROM t WHERE b IN (CAST($1::text AS "public"."Status"), CAST($2::text AS "public"."Status"))',
      'SELECT a FROM t WHERE b IN (CAST($1::text AS "public"."Status"), …)',
      [2],
    ],
    ['SELECT a FROM t WHERE b IN (1, c)', 'SELECT a FROM t WHERE b IN ($1, c)', []],
    ['SELECT a FROM t WHERE b IN (1, 1 + 1)', 'SELECT a FROM t WHERE b IN ($1, $2 + $3)', []],
    [
      'SELECT a FROM t WHERE (a, b) IN ((1, 2), (3, 4))',
      'SELECT a FROM t WHERE (a, b) IN (($1, $2), ($3, $4))',
      [],
    ],
    ['SELECT ARRAY[1, 2, 3], ARRAY[1]', 'SELECT ARRAY[$1, …], ARRAY[$2]', [3, 1]],
    ['SELECT ARRAY[[1, 2], [3, 4]]', 'SELECT ARRAY[[$1, $2], [$3, $4]]', []],
    [
      'INSERT INTO t VALUES (1, 2), (3, DEFAULT), (5, 6) RETURNING 7',
      'INSERT INTO t VALUES ($1, $2), … RETURNING $3',
      [3],
    ],
    ['INSERT INTO t VALUES (1, 2), (3, now())', 'INSERT INTO t VALUES ($1, $2), ($3, now())', []],
    ['SELECT a FROM t WHERE b IN (1, +2, 3)', 'SELECT a FROM t WHERE b IN ($1, +$2, …)', [3]],
    [
      "SELECT a FROM t WHERE b IN (date '2020-01-01', date '2020-01-02')",
      'SELECT a FROM t WHERE b IN (date $1, …)',
      [2],
    ],
  ])('the lists of %s are cut after their first item', (sql, expected, lengths) => {
    expect(normalize(sql)).toMatchObject({ text: expected, listLengths: lengths });
  });

  test.each([
    ['SELECT a FROM t WHERE b = - 1', 'SELECT a FROM t WHERE b = $1'],
    ['SELECT a - 1, a -1, (-1), [-1]', 'SELECT a - $1, a -$2, ($3), [$4]'],
    ['SELECT - -1, - -$1', 'SELECT $1, - -$2'],
    ['SELECT -1::int, - 1 /* c */ ::int', 'SELECT -$1::int, - $2 ::int'],
    ["SELECT +1, -$1, -'5'", 'SELECT +$1, -$2, -$3'],
    ['SELECT a BETWEEN -1 AND -2, between - 1', 'SELECT a BETWEEN $1 AND $2, between - $3'],
    [
      'SELECT current_date -1, a OPERATOR(pg_catalog.-) -1',
      'SELECT current_date -$1, a OPERATOR(pg_catalog.-) $2',
    ],
    ['FETCH -10 FROM c', 'FETCH $1 FROM $2'],
  ])('a minus goes with its number only: %s', (sql, expected) => {
    expect(text(sql)).toBe(expected);
  });

  test.each([
    [
      'SELECT NULL, TRUE WHERE a IS NULL AND b IS NOT TRUE',
      'SELECT $1, $2 WHERE a IS NULL AND b IS NOT TRUE',
    ],
    ['SELECT NOT NULL, a AS true, t.null', 'SELECT NOT $1, a AS true, t.null'],
    ['SELECT a IS DISTINCT FROM NULL', 'SELECT a IS DISTINCT FROM $1'],
    [
      "SELECT JSON_VALUE(a, '$' NULL ON EMPTY TRUE ON ERROR)",
      'SELECT JSON_VALUE(a, $1 NULL ON EMPTY TRUE ON ERROR)',
    ],
    [
      "SELECT JSON_OBJECT('a' VALUE NULL ABSENT ON NULL)",
      'SELECT JSON_OBJECT($1 VALUE $2 ABSENT ON NULL)',
    ],
    ['SELECT a FROM t JOIN u ON TRUE', 'SELECT a FROM t JOIN u ON $1'],
    [
      'CREATE TABLE t (a int NOT NULL, b int NULL DEFAULT NULL)',
      'CREATE TABLE t (a int NOT NULL, b int NULL DEFAULT $1)',
    ],
  ])('NULL, TRUE and FALSE are values where an operand stands: %s', (sql, expected) => {
    expect(text(sql)).toBe(expected);
  });

  test.each([
    ["SET app.token = 'x', y, 3", 'SET app.token = $1'],
    ['SET search_path TO secret, public', 'SET search_path TO $1'],
    ['SET LOCAL x TO DEFAULT', 'SET LOCAL x TO DEFAULT'],
    [
      'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
      'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    ],
    ["ALTER ROLE r SET work_mem TO '1GB'; SELECT 1", 'ALTER ROLE r SET work_mem TO $1; SELECT $2'],
    ["CREATE ROLE r PASSWORD 'secret'", 'CREATE ROLE r PASSWORD $1'],
    ["COPY t FROM PROGRAM 'curl -u u:secret h'", 'COPY t FROM PROGRAM $1'],
    ["COMMENT ON TABLE t IS 'secret'", 'COMMENT ON TABLE t IS $1'],
    ["DO $$ begin perform 'secret'; end $$", 'DO $1'],
    ['SAVEPOINT trx17; SELECT 1; RELEASE trx17', 'SAVEPOINT $1; SELECT $2; RELEASE $3'],
    ['ROLLBACK TO SAVEPOINT "trx 18"', 'ROLLBACK TO SAVEPOINT $1'],
    ['LISTEN user_42', 'LISTEN $1'],
    ["NOTIFY user_42,'x'", 'NOTIFY $1,$2'],
    ['FETCH FORWARD ALL IN c_42', 'FETCH FORWARD ALL IN $1'],
    ["EXECUTE a1('x', 2)", 'EXECUTE $1($2, $3)'],
    ['DEALLOCATE ALL', 'DEALLOCATE ALL'],
    ["PREPARE TRANSACTION 'x'", 'PREPARE TRANSACTION $1'],
  ])('utility statements keep no value: %s', (sql, expected) => {
    expect(text(sql)).toBe(expected);
  });

  test.each([
    ["SELECT 'unterminated secret", 'SELECT $1'],
    ['SELECT "unterminated secret', 'SELECT $1'],
    ['SELECT $$unterminated secret', 'SELECT $1'],
    ["SELECT E'unterminated \\", 'SELECT $1'],
    ['SELECT a /* unterminated secret', 'SELECT a'],
    ["SELECT a, 'x\0secret'", 'SELECT a, $1'],
    ["SELECT a\0, 'secret'", 'SELECT a'],
    ['SELECT $1a$secret$1a$', 'SELECT $1'],
    ['SELECT 12abc34', 'SELECT $1'],
    ['', ''],
    [' ;;; ', ''],
    ['-- only a comment', ''],
  ])('what has no end, or no sense, is dropped: %j', (sql, expected) => {
    expect(text(sql)).toBe(expected);
  });

  test('where the reading of backslashes is unknown, what either reads as a string is dropped', () => {
    const sql = "SELECT 'a\\' , 'secret' , 'b', c";
    expect(text(sql)).toBe('SELECT $1');
    expect(text(sql, { standardConformingStrings: true })).toBe('SELECT $1 , $2 , $3, c');
    expect(text("SELECT 'a\\\\', b")).toBe('SELECT $1, b');
    expect(text("SELECT 'a\\' b \\'c', d")).toBe('SELECT $1, d');
    expect(text("SELECT 'a\\' b', c", { standardConformingStrings: false })).toBe('SELECT $1, c');
    expect(text("SELECT E'a' -- c\n 'b\\'secret'", { standardConformingStrings: true })).toBe(
      'SELECT $1 $2',
    );
  });

  test.each([
    ['question', 'SELECT a ?? b, c = ? AND d=?', 'SELECT a ?? b, c = $1 AND d=$2'],
    ['named', 'SELECT a::text, :b, c[1::d]', 'SELECT a::text, $1, c[$2::d]'],
    ['format', 'SELECT a %% b, %s, %(name)s, a % s', 'SELECT a %% b, $1, $2, a % s'],
  ] as const)('placeholders of the %s style are parameters', (placeholders, sql, expected) => {
    expect(text(sql, { placeholders })).toBe(expected);
    expect(text(sql)).not.toBe(expected);
  });

  test.each([
    ['SELECT a FROM t', 'select A from "t" ;'],
    ['SELECT a FROM t WHERE b <> 1', "SELECT a FROM t WHERE b != 'x'"],
    ['SELECT a FROM t WHERE b IN (1)', 'SELECT a FROM t WHERE b IN ($1, $2, 3)'],
    ['VALUES (1)', 'VALUES (1), (2)'],
    ['INSERT INTO t VALUES (1, 2)', 'INSERT INTO t VALUES (1, DEFAULT), (3, 4)'],
    ['SELECT 1; SELECT 2', 'SELECT 3;;SELECT 4;'],
  ])('%s and %s have one fingerprint', (a, b) => {
    expect(fingerprint(a)).toBe(fingerprint(b));
  });

  test.each([
    ['SELECT a FROM t', 'SELECT b FROM t'],
    ['SELECT "user" FROM t', 'SELECT user FROM t'],
    ['SELECT "A" FROM t', 'SELECT a FROM t'],
    ['SELECT a FROM t WHERE b IN (1, +2)', 'SELECT a FROM t WHERE b IN (1, 2)'],
    ['SELECT a FROM t WHERE b = -$1', 'SELECT a FROM t WHERE b = $1'],
    ['SELECT a FROM t WHERE b IS NULL', 'SELECT a FROM t WHERE b = NULL'],
    ['SELECT a -> $1', 'SELECT a ->> $1'],
    ['SELECT U&"d!0061" UESCAPE \'!\'', 'SELECT U&"d!0061" UESCAPE \'#\''],
    ['SELECT ARRAY[1]', 'SELECT ARRAY[[1]]'],
  ])('%s and %s have two fingerprints', (a, b) => {
    expect(fingerprint(a)).not.toBe(fingerprint(b));
  });

  test('the fingerprint is version 1 of the hash', () => {
    expect(fingerprint('SELECT a FROM "t" WHERE b IN (1, 2) AND c <> \'x\'')).toBe(VERSION_1);
  });

  test('a text over 8 kB is cut at a token, and its fingerprint covers the whole statement', () => {
    const columns = Array.from({ length: 1500 }, (_, index) => `column_${index}`).join(', ');
    const first = normalize(`SELECT ${columns} FROM t`);
    const second = normalize(`SELECT ${columns} FROM u`);
    expect(Buffer.byteLength(first.text)).toBeLessThanOrEqual(8192);
    expect(Buffer.byteLength(first.text)).toBeGreaterThan(8100);
    expect(first.text).toMatch(/column_\d+,? … <cut: [0-9a-f]{16}>$/);
    expect(first.text).toContain(first.fingerprint);
    expect(second.fingerprint).not.toBe(first.fingerprint);
    expect(normalize(first.text)).toEqual(first);
  });

  test('wherever a text of several statements is cut, it is stable', () => {
    for (let length = 1; length <= 40; length += 1) {
      const first = normalize(`SELECT ${'a'.repeat(length)}; SELECT 'x' ;`.repeat(400));
      expect(first.text).toContain(' … <cut: ');
      expect(normalize(first.text)).toEqual(first);
    }
  });

  test('a long list does not cut the text behind it', () => {
    const items = Array.from({ length: 100_000 }, (_, index) => index).join(',');
    expect(normalize(`SELECT a FROM t WHERE b IN (${items}) AND c = 1`)).toMatchObject({
      text: 'SELECT a FROM t WHERE b IN ($1, …) AND c = $2',
      listLengths: [100_000],
    });
  });

  test('the mark of an unread statement stays as it is, and lets no text through', () => {
    const mark = '<unparsed: SELECT 0123456789abcdef>';
    expect(normalize(mark)).toMatchObject({ text: mark, fingerprint: '0123456789abcdef' });
    expect(text("<unparsed: 'secret' 0123456789abcdef>")).not.toContain('secret');
    expect(text("SELECT 'secret' … <cut: 0123456789abcdef>")).not.toContain('secret');
  });

  test('names keep their characters, and lone surrogates become U+FFFD', () => {
    expect(text('SELECT "naïve 😀", été FROM t')).toBe('SELECT "naïve 😀", été FROM t');
    expect(text('SELECT "a\ud800" FROM t')).toBe('SELECT "a\ufffd" FROM t');
  });

  test('spans are in bytes of UTF-8', () => {
    expect(scanSql("SELECT 'é', $1, é /* ü */", { engine })).toEqual({
      literals: [[7, 4]],
      parameters: [[13, 2]],
      comments: [[20, 8]],
    });
    expect(scanSql("SELECT N'x', U&'a' UESCAPE '!'", { engine }).literals).toEqual([
      [8, 3],
      [13, 5],
      [27, 3],
    ]);
  });

  test('options that are none of their values are errors that name them', () => {
    const call = (options: object) => () => normalizeSql('SELECT 1', options);
    expect(call({ engine: 'fast' })).toThrow(/^engine: expected one of native, portable/);
    expect(call({ placeholders: 'colon' })).toThrow(/^placeholders: expected one of dollar/);
    expect(call({ standardConformingStrings: 'on' })).toThrow(/^standardConformingStrings: /);
    expect(() => normalizeSql(1 as unknown as string)).toThrow(/^sql: expected a string, got 1/);
  });
});
