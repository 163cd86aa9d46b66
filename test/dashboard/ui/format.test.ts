import { describe, expect, test } from 'vitest';

import {
  formatAge,
  formatAverage,
  formatClock,
  formatCount,
  formatMs,
  formatNs,
  formatRate,
  revealInvisible,
} from '../../../src/dashboard/ui/format.ts';

describe('numbers on the page', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [15_432, '15,432'],
    [9_999_999, '9,999,999'],
    [12_345_678, '12.3 M'],
    [4_560_000_000, '4.56 B'],
    [Number.NaN, '–'],
    [null as unknown as number, '–'],
  ])('the count %s is written %s', (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  test.each([
    [0, '0.0'],
    [5.78, '5.8'],
    [12_345.67, '12,345.7'],
    [Number.POSITIVE_INFINITY, '–'],
  ])('the average %s is written %s', (value, text) => {
    expect(formatAverage(value)).toBe(text);
  });

  test.each([
    [0, '0 ms'],
    [0.004, '<0.01 ms'],
    [0.412, '0.41 ms'],
    [9.5, '9.50 ms'],
    [45.23, '45.2 ms'],
    [100, '100 ms'],
    [999.6, '1000 ms'],
    [1843.7, '1.84 s'],
    [61_000, '61.0 s'],
    [7_200_000, '120 min'],
    [undefined as unknown as number, '–'],
  ])('%s milliseconds are written %s', (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });

  test('nanoseconds, rates and ages have their units', () => {
    expect([640, 1250, 2_500_000].map(formatNs)).toEqual(['640 ns', '1.3 µs', '2.50 ms']);
    expect([0, 3.26, 1234].map(formatRate)).toEqual(['0.0/s', '3.3/s', '1,234/s']);
    expect([-50, 400, 12_000, 90_000, 7_200_000, 200_000_000].map(formatAge)).toEqual([
      'now',
      'now',
      '12 s ago',
      '1 min ago',
      '2 h ago',
      '2 d ago',
    ]);
    expect(formatClock(new Date(2026, 4, 12, 9, 5, 7).getTime())).toBe('09:05:07');
    expect(formatClock(Number.NaN)).toBe('–');
  });
});

describe('characters that nobody sees', () => {
  test('are written out, so that they cannot turn or hide others', () => {
    expect(revealInvisible('a\u202eb\u0000\u2028\ufeff\r')).toBe(
      'a\\u202eb\\u0000\\u2028\\ufeff\\u000d',
    );
  });

  test('are left alone where they only set text apart, or belong to a sign', () => {
    expect(revealInvisible('a\tb\nc 日本 ✓')).toBe('a\tb\nc 日本 ✓');
  });
});
