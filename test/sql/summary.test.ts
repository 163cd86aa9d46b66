import { describe, expect, test } from 'vitest';
import { summarizeSql, tablesOf } from '../../src/sql/index.ts';

describe('summarizeSql', () => {
  test.each([
    ['SELECT * FROM wuser_table WHERE id = $1', 'SELECT wuser_table'],
    ['INSERT INTO shipping (a) SELECT a FROM orders WHERE b = $1', 'INSERT shipping SELECT orders'],
    ['SELECT * FROM songs JOIN artists ON a = b', 'SELECT songs artists'],
    ['SELECT * FROM songs, artists s WHERE a = $1', 'SELECT songs artists'],
    [
      'SELECT a FROM (SELECT * FROM orders o JOIN customers c ON x = y)',
      'SELECT SELECT orders customers',
    ],
    ['WITH x AS (SELECT a FROM t) SELECT * FROM x', 'SELECT t SELECT x'],
    ['SELECT EXTRACT(year FROM a) FROM t WHERE b IS DISTINCT FROM c', 'SELECT t'],
    ['SELECT * FROM generate_series($1, $2) g', 'SELECT'],
    ['SELECT a FROM t FOR UPDATE', 'SELECT t'],
    ['UPDATE "public"."t" SET a = $1', 'UPDATE public.t'],
    ['DELETE FROM "two words" WHERE a = $1', 'DELETE "two words"'],
    ['INSERT INTO t VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = $2', 'INSERT t'],
    ['MERGE INTO a USING b ON x = y WHEN MATCHED THEN UPDATE SET z = $1', 'MERGE a b'],
    ['CREATE TABLE IF NOT EXISTS t (a int)', 'CREATE TABLE t'],
    ['DROP INDEX CONCURRENTLY IF EXISTS i', 'DROP INDEX i'],
    ['TRUNCATE TABLE t', 'TRUNCATE TABLE t'],
    ['BEGIN; SELECT a FROM b', 'BEGIN; SELECT b'],
    ['', ''],
  ])('%s is summed up as %s', (text, expected) => {
    expect(summarizeSql(text)).toBe(expected);
  });

  test('a summary is cut between names, at 255 characters', () => {
    const tables = Array.from({ length: 100 }, (_, index) => `table_${index}`);
    const summary = summarizeSql(`SELECT * FROM ${tables.join(', ')}`);
    expect(summary.length).toBeLessThanOrEqual(255);
    expect(tables).toContain(summary.split(' ').at(-1));
  });
});

describe('tablesOf', () => {
  test.each([
    ['SELECT * FROM songs JOIN artists ON a = b', ['songs', 'artists']],
    ['SELECT * FROM a JOIN a AS again ON x = y', ['a']],
    ['UPDATE "public"."t" SET a = $1', ['public.t']],
    ['WITH x AS (SELECT a FROM t), y (b) AS (SELECT b FROM u) SELECT * FROM x, y', ['t', 'u']],
    ['WITH RECURSIVE "Up" AS (SELECT a FROM t) SELECT * FROM "Up"', ['t']],
    ['CREATE TABLE copy AS SELECT a FROM t', ['t']],
    ['SELECT * FROM generate_series($1, $2) g', []],
    ['BEGIN', []],
    ['SELECT $1', []],
  ])('%s is about %j', (text, tables) => {
    expect(tablesOf(text)).toEqual(tables);
  });
});
