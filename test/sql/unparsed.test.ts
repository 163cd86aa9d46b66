import { describe, expect, test } from 'vitest';
import { normalizeSql } from '../../src/engine/portable/sql/index.ts';
import { Normalizer } from '../../src/engine/portable/sql/normalizer.ts';
import { SqlSource } from '../../src/engine/portable/sql/source.ts';

class FailingSource extends SqlSource {
  override load(): void {
    throw new RangeError('Array buffer allocation failed');
  }
}

describe('a failure inside the portable normaliser', () => {
  const failing = new Normalizer(new FailingSource());

  test.each([
    ["  select 'secret'", 'SELECT'],
    ["secret 'x'", 'UNKNOWN'],
    ["'secret'", 'UNKNOWN'],
    ['', 'UNKNOWN'],
  ])('gives the verb of %j and a hash, and nothing else', (sql, verb) => {
    const { text, fingerprint } = normalizeSql(sql, {}, failing);
    expect(text).toBe(`<unparsed: ${verb} ${fingerprint}>`);
    expect(fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(normalizeSql(text)).toEqual({ text, fingerprint, listLengths: [] });
  });

  test('tells statements apart', () => {
    const of = (sql: string) => normalizeSql(sql, {}, failing).fingerprint;
    expect(of('SELECT a')).not.toBe(of('SELECT b'));
  });
});
