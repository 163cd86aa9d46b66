import { describe, expect, test } from 'vitest';
import { ADVERSARIES } from '../../bench/sql-statements.mjs';
import { Normalizer } from '../../src/engine/portable/sql/normalizer.ts';
import { SqlSource } from '../../src/engine/portable/sql/source.ts';

/** Reads of one byte, in a worst case: by the scan, by a look ahead, and by two doubtful readings. */
const VISITS_PER_BYTE_MAX = 16;

/** Counts how often its bytes are read. */
class CountingSource extends SqlSource {
  visitCount = 0;

  override load(sql: string): void {
    super.load(sql);
    const { bytes, view } = this;
    this.bytes = new Proxy(bytes, {
      get: (target, key) => {
        this.visitCount += 1;
        return Reflect.get(target, key, target) as unknown;
      },
    });
    this.view = new Proxy(view, {
      get: (target, key) => {
        this.visitCount += 4;
        return (target[key as 'getInt32'] as () => unknown).bind(target);
      },
    });
  }
}

describe('the portable normaliser', () => {
  test.each(Object.entries(ADVERSARIES))('does linear work on %s', (_name, create) => {
    for (const bytes of [1_000, 64_000]) {
      const source = new CountingSource();
      const sql = create(bytes);
      new Normalizer(source).normalize(sql, undefined);
      expect(source.visitCount).toBeGreaterThan(0);
      expect(source.visitCount).toBeLessThan(VISITS_PER_BYTE_MAX * sql.length + 500);
    }
  });

  test('counts a visit for each byte that is read twice', () => {
    const source = new CountingSource();
    source.load('ab');
    expect([source.bytes[0], source.bytes[0]]).toEqual([97, 97]);
    expect(source.visitCount).toBe(2);
  });
});
