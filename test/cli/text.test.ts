import { describe, expect, it } from 'vitest';

import { fitText, formatCount, formatDuration, visibleText, widthOf } from '../../src/cli/text.ts';

describe('visibleText', () => {
  it.each([
    ['SELECT 1', 'SELECT 1'],
    ['\x1b]0;owned\x07', String.raw`\x1b]0;owned\x07`],
    ['\x9b2J', String.raw`\x9b2J`],
    ['a\nb\r\tc', String.raw`a\nb\r\tc`],
    ['\u202egnp.exe', String.raw`\u{202e}gnp.exe`],
    ['\u2028\u2066\u200b', String.raw`\u{2028}\u{2066}\u{200b}`],
    ['\ud800', String.raw`\u{d800}`],
    ['naïve 数据 👍', 'naïve 数据 👍'],
  ])('writes out what moves cursors, turns lines round or cannot be seen: %j', (text, visible) => {
    expect(visibleText(text)).toBe(visible);
  });
});

describe('fitText', () => {
  it('cuts with an ellipsis, and fills up, to exactly the columns', () => {
    expect(fitText('SELECT 1', 12)).toBe('SELECT 1    ');
    expect(fitText('SELECT 1', 12, 'right')).toBe('    SELECT 1');
    expect(fitText('SELECT 1', 6)).toBe('SELEC…');
    expect(fitText('SELECT 1', 1)).toBe('…');
    expect(fitText('SELECT 1', 0)).toBe('');
  });

  it('counts wide characters as two columns and marks as none', () => {
    expect(widthOf('数据')).toBe(4);
    expect(widthOf('e\u0301')).toBe(1);
    expect(fitText('数据库', 5)).toBe('数据…');
    expect(fitText('数据库', 4)).toBe('数… ');
  });

  it('never splits what it wrote out of a control character over its columns', () => {
    expect(widthOf(fitText('\x1b'.repeat(10_000), 10))).toBe(10);
    expect(fitText('\x1b'.repeat(10_000), 10)).not.toContain('\x1b');
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0 ns'],
    [850, '850 ns'],
    [1_234, '1.23 µs'],
    [12_345_678, '12.3 ms'],
    [999_400_000, '999 ms'],
    [4.2e9, '4.20 s'],
    [192e9, '3 min 12 s'],
    [7_500e9, '2 h 5 min'],
    [200_000e9, '2 d 7 h'],
  ])('%d ns is %s', (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });
});

describe('formatCount', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [0.25, '0.25'],
    [12_345, '12.3k'],
    [4_567_890, '4.57M'],
    [7.1e9, '7.10G'],
  ])('%d is %s', (count, text) => {
    expect(formatCount(count)).toBe(text);
  });
});
