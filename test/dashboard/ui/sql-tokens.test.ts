import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { tokenizeSql } from '../../../src/dashboard/ui/sql-tokens.ts';

function kindsOf(sql: string): string[] {
  return tokenizeSql(sql).map(({ kind, text }) => `${kind}:${text}`);
}

describe('the colours of a statement', () => {
  test('keywords in either case and parameters stand out, names do not', () => {
    expect(kindsOf('select "from" FROM users WHERE id = $1')).toEqual([
      'keyword:select',
      'plain: "from" ',
      'keyword:FROM',
      'plain: users ',
      'keyword:WHERE',
      'plain: id = ',
      'parameter:$1',
    ]);
  });

  test('a text that was cut inside a string ends in it', () => {
    expect(kindsOf("SELECT 'select from")).toEqual([
      'keyword:SELECT',
      'plain: ',
      "string:'select from",
    ]);
  });

  test('no character is lost or added, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (sql) => {
        const tokens = tokenizeSql(sql);
        expect(tokens.map(({ text }) => text).join('')).toBe(sql);
        expect(tokens.every(({ text }) => text !== '')).toBe(true);
      }),
    );
  });

  test('a long text takes no longer than its length', () => {
    const startedAt = performance.now();
    tokenizeSql(`${"'".repeat(99_999)}${'"'.repeat(99_999)}${'$'.repeat(99_999)}`);
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});
