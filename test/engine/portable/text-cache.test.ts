import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TextCache } from '../../../src/engine/portable/text-cache.ts';

const SEED = Number(process.env['TEXT_CACHE_SEED'] ?? Date.now() % 0x7fffffff);

/** A string of its own with the same characters, put together from two. */
function rebuilt(text: string): string {
  const middle = text.length >> 1;
  return [text.slice(0, middle), text.slice(middle)].join('');
}

describe(`TextCache (TEXT_CACHE_SEED=${SEED})`, () => {
  test('knows a text again that was built anew', () => {
    const cache = new TextCache(64);
    const texts = ['', 'S', 'SELECT 1', 'SELECT "é", \'…😀\'', 'a'.repeat(8192)];
    for (const [id, text] of texts.entries()) cache.put(text, id);
    expect(texts.map((text) => cache.get(rebuilt(text)))).toEqual([0, 1, 2, 3, 4]);
  });

  test('does not know what it was not given, the empty text among it', () => {
    const cache = new TextCache(64);
    expect(cache.get('')).toBeUndefined();
    cache.put('SELECT a FROM t', 1);
    expect(cache.get('SELECT b FROM t')).toBeUndefined();
    expect(cache.get('')).toBeUndefined();
  });

  test('never takes one text for another, however alike', () => {
    const cache = new TextCache(16);
    const long = 'SELECT a FROM t WHERE b = # AND c'.repeat(8);
    const text = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.nat({ max: 40 }).map((number) => long.replace('#', String(number))),
      fc.nat({ max: 400 }).map((index) => `${long.slice(0, index)}x${long.slice(index + 1)}`),
    );
    const idOf = new Map<string, number>();
    let hitCount = 0;
    fc.assert(
      fc.property(text, (sql) => {
        const id = idOf.get(sql) ?? idOf.size;
        idOf.set(sql, id);
        const known = cache.get(rebuilt(sql));
        if (known === undefined) cache.put(sql, id);
        else hitCount += 1;
        expect(known ?? id).toBe(id);
      }),
      { numRuns: 20_000, seed: SEED },
    );
    expect(hitCount).toBeGreaterThan(100);
  });

  test('keeps at most its capacity, the newest of them', () => {
    const cache = new TextCache(32);
    const texts = Array.from({ length: 5_000 }, (_, index) => `SELECT ${index}`);
    for (const [id, text] of texts.entries()) cache.put(text, id);
    const keptCount = texts.filter((text) => cache.get(text) !== undefined).length;
    expect(keptCount).toBe(32);
    expect(cache.get('SELECT 4999')).toBe(4999);
    expect(cache.get('SELECT 0')).toBeUndefined();
  });

  test('does not let texts that differ in a value only displace all others', () => {
    const cache = new TextCache(256);
    const kept = Array.from({ length: 60 }, (_, index) => `SELECT ${'c'.repeat(index)} FROM t`);
    for (const [id, text] of kept.entries()) cache.put(text, id);
    const tail = 'x'.repeat(400);
    for (let value = 100; value < 1_000; value += 1) cache.put(`SELECT ${value}, ${tail}`, 99);
    const knownCount = kept.filter((text) => cache.get(text) !== undefined).length;
    expect(knownCount).toBeGreaterThanOrEqual(kept.length - 8);
  });

  test('gives the new identity of a text whose row went to another statement', () => {
    const cache = new TextCache(16);
    cache.put('SELECT 1', 7);
    // The highest there is: generation and row, 16 bits each.
    cache.put('SELECT 1', 0xffff_fffe);
    expect(cache.get('SELECT 1')).toBe(0xffff_fffe);
  });

  test('does not keep a very long text', () => {
    const cache = new TextCache(64);
    cache.put('a'.repeat(8193), 1);
    expect(cache.get('a'.repeat(8193))).toBeUndefined();
  });
});
