import { describe, expect, test, vi } from 'vitest';
import { ADVERSARIES } from '../../bench/sql-statements.mjs';
import { Normalizer } from '../../src/engine/portable/sql/normalizer.ts';
import { SqlSource } from '../../src/engine/portable/sql/source.ts';

/** Reads of one byte, in a worst case: by the scan, by a look ahead, and by two doubtful readings. */
const VISITS_PER_BYTE_MAX = 16;

/** A statement of so many characters is read in memory of its own. */
const LONG_CHARACTERS = 32_000;

const { count, countReads } = vi.hoisted(() => {
  const counter = { visits: 0 };
  return {
    count: counter,
    /** Counts how often its bytes are read. */
    countReads: (bytes: Uint8Array): Uint8Array =>
      new Proxy(bytes, {
        get: (target, key) => {
          counter.visits += 1;
          return Reflect.get(target, key, target) as unknown;
        },
      }),
  };
});

// The plain path reads this memory only: as it is, but counted.
vi.mock(import('../../src/engine/portable/sql/memory.ts'), async (importOriginal) => {
  const { MEMORY } = await importOriginal();
  return { MEMORY: countReads(MEMORY) };
});

class CountingSource extends SqlSource {
  override load(sql: string): void {
    super.load(sql);
    const { bytes, view } = this;
    this.bytes = sql.length < LONG_CHARACTERS ? bytes : countReads(bytes);
    this.view = new Proxy(view, {
      get: (target, key) => {
        count.visits += 4;
        return (target[key as 'getInt32'] as () => unknown).bind(target);
      },
    });
  }
}

describe('the portable normaliser', () => {
  test.each(Object.entries(ADVERSARIES))('does linear work on %s', (_name, create) => {
    for (const bytes of [1_000, 8_000, 2 * LONG_CHARACTERS]) {
      const source = new CountingSource();
      const sql = create(bytes);
      count.visits = 0;
      new Normalizer(source).normalize(sql, undefined);
      expect(count.visits).toBeGreaterThan(0);
      expect(count.visits).toBeLessThan(VISITS_PER_BYTE_MAX * sql.length + 500);
    }
  });

  test('counts a visit for each byte that is read twice', () => {
    const source = new CountingSource();
    source.load('ab');
    count.visits = 0;
    expect([source.bytes[0], source.bytes[0]]).toEqual([97, 97]);
    expect(count.visits).toBe(2);
  });
});
