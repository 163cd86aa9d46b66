import { describe, expect, test } from 'vitest';

import { countStatements, normalizeSql } from '../../src/sql/index.ts';

/** As a driver got it: what is counted is what is stored of it. */
function countOf(sql: string): { count: number; isMinimum: boolean } {
  return countStatements(normalizeSql(sql).text);
}

describe('countStatements', () => {
  test.each([
    ['SELECT 1', 1],
    ['SELECT 1;', 1],
    [';;SELECT 1;; ;-- nothing\n/* ; */;', 1],
    ['', 0],
    ['-- nothing', 0],
    ['BEGIN; INSERT INTO t VALUES (1); COMMIT', 3],
    ["SELECT 'a;b', E'\\';', $$;$$, $x$ ; $x$, U&'\\003b' -- ;\n; SELECT 2", 2],
    ['SELECT ";" AS "a;b"; SELECT U&"c;"', 2],
    ['SELECT 1 AS begin; SELECT 2 AS atomic; SELECT 3', 3],
    ['BEGIN ATOMIC; SELECT 2', 2],
    [
      'CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b); SELECT 1',
      2,
    ],
    [
      'CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN; RETURN 1; END; $$; SELECT f()',
      2,
    ],
    ['CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END', 1],
    [
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT f(); SELECT 2',
      3,
    ],
    [
      'CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC' +
        ' SELECT CASE WHEN a THEN CASE b WHEN 1 THEN 2 END END AS end, x.case FROM x; DELETE FROM y; END; CALL p()',
      2,
    ],
    ['SELECT CASE WHEN a THEN 1 END; SELECT 2', 2],
  ])('%s holds %i', (sql, count) => {
    expect(countOf(sql)).toEqual({ count, isMinimum: false });
  });

  test('of a text that was cut it knows how many there are at least', () => {
    const cut = countOf(`SELECT 1; SELECT ${'column_name, '.repeat(2_000)}1; SELECT 3`);
    expect(cut).toEqual({ count: 2, isMinimum: true });
    expect(countStatements('<unparsed: SELECT 0123456789abcdef>')).toEqual({
      count: 1,
      isMinimum: true,
    });
  });

  test('a text of quotes and semicolons alone is read in one go', () => {
    const startMs = performance.now();
    countStatements('";'.repeat(100_000));
    countStatements('(;'.repeat(100_000));
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });
});
