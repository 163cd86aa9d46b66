import { describe, expect, test } from 'vitest';

import { batchedForm } from '../../src/analysis/index.ts';
import { normalizeSql } from '../../src/sql/index.ts';

const KEYS = 'Give it all the keys in one array';

describe('the form that takes all keys at once', () => {
  test.each([
    [
      'SELECT id, name FROM customers WHERE id = $1',
      'SELECT id, name FROM customers WHERE id = ANY($1)',
      `${KEYS}, and tell the rows apart by id.`,
    ],
    [
      'SELECT name FROM customers c WHERE c.id = $1 AND NULLIF(c.gone, c.x) IS NULL',
      'SELECT name FROM customers c WHERE c.id = ANY($1) AND NULLIF(c.gone, c.x) IS NULL',
      `${KEYS}, and tell the rows apart by c.id, which has to be among the columns.`,
    ],
    [
      'SELECT "t"."a b", "t"."owner id" FROM "t" WHERE (("t"."owner id" = $1::uuid))',
      'SELECT "t"."a b", "t"."owner id" FROM "t" WHERE (("t"."owner id" = ANY($1::uuid[])))',
      `${KEYS}, and tell the rows apart by "t"."owner id", which has to be among the columns.`,
    ],
    [
      'SELECT * FROM users WHERE id=$1 LIMIT $2',
      'SELECT * FROM users WHERE id = ANY($1)',
      `${KEYS}, and tell the rows apart by id. Its LIMIT was for one key, and is left out.`,
    ],
    [
      'SELECT * FROM items WHERE created > $1 AND order_id = $2 ORDER BY id',
      'SELECT * FROM items WHERE created > $1 AND order_id = ANY($2) ORDER BY id',
      `${KEYS}, and tell the rows apart by order_id.`,
    ],
    [
      'select count(*) from products where category_id = $1',
      'select category_id, count(*) from products where category_id = ANY($1) GROUP BY category_id',
      `${KEYS}. A key without rows gets none here.`,
    ],
    [
      'INSERT INTO t (a, b) VALUES ($1, $2) RETURNING id',
      'INSERT INTO t (a, b) VALUES ($1, $2), … RETURNING id',
      'Give it all the rows at once.',
    ],
  ])('of %s', (text, sql, advice) => {
    // What is said of a text holds for texts that are normalised.
    expect(normalizeSql(text).text).toBe(text);
    expect(batchedForm(text)).toEqual({ sql, advice });
  });

  test.each([
    ['no key at all', 'SELECT count(*) FROM t'],
    ['two keys, of which either may differ', 'SELECT * FROM t WHERE tenant = $1 AND id = $2'],
    ['another comparison', 'SELECT * FROM t WHERE id > $1'],
    ['an alternative', 'SELECT * FROM t WHERE id = $1 OR name IS NULL'],
    ['a negation', 'SELECT * FROM t WHERE NOT id = $1'],
    ['a computed key', 'SELECT * FROM t WHERE lower(email) = $1'],
    ['a computed value', 'SELECT * FROM t WHERE id = $1 + a'],
    ['a value of another kind', 'SELECT * FROM t WHERE id = $1.x'],
    ['the first rows of each key', 'SELECT * FROM t WHERE id = $1 ORDER BY at DESC LIMIT $2'],
    ['a page', 'SELECT * FROM t WHERE id = $1 LIMIT $2 OFFSET $3'],
    ['groups of its own', 'SELECT a, count(*) FROM t WHERE id = $1 GROUP BY a'],
    ['a lock', 'SELECT * FROM t WHERE id = $1 FOR UPDATE'],
    ['a join that has the key', 'SELECT * FROM t JOIN u ON u.id = $1'],
    ['a query inside', 'SELECT * FROM t WHERE a IN (SELECT b FROM u WHERE c = $1)'],
    ['several queries', 'SELECT a FROM t WHERE b = $1 UNION SELECT a FROM u'],
    ['a change', 'UPDATE t SET a = $1 WHERE id = $2'],
    ['rows that are many already', 'INSERT INTO t VALUES ($1), …'],
    ['a text that is cut', 'SELECT * FROM t WHERE id ='],
    ['nothing', ''],
  ])('is not guessed for %s', (_, text) => {
    expect(batchedForm(text)).toBeUndefined();
  });
});
