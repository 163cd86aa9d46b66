/**
 * Texts for a terminal. What comes from elsewhere, such as a statement or a route, may hold
 * anything: no character of it may move the cursor, change colours or turn the line round.
 */
import { countStatements } from '../util/statement-count.ts';

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const MARK = /\p{Mn}|\p{Me}/u;
const PLAIN = /^[\x20-\x7e]*$/;

/** The text with every character that is none to look at written out, such as `\x1b`. */
export function visibleText(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replaceAll(CONTROL, (character) => {
    const short = SHORT_ESCAPES[character];
    if (short !== undefined) return short;
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** Columns that a visible text takes in a terminal. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** The text in exactly `width` columns: made visible, then cut with an ellipsis or padded. */
export function fitText(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  // No more than this can be seen, whatever the text is long.
  const visible = visibleText(text.slice(0, 4 * width + 4));
  const cut = cutTo(visible, width);
  const padding = ' '.repeat(Math.max(0, width - widthOf(cut)));
  return align === 'left' ? cut + padding : padding + cut;
}

function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let used = 0;
  let cut = '';
  for (const character of text) {
    used += columnsOf(character);
    if (used > width - 1) break;
    cut += character;
  }
  return width === 0 ? '' : `${cut}…`;
}

function columnsOf(character: string): number {
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Such as `850 ns`, `12.3 ms`, `4.2 s`, `3 min 12 s`, `2 h 5 min`. */
export function formatDuration(ns: number): string {
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${threeDigits(ns / 1e3)} µs`;
  if (ns < 1e9) return `${threeDigits(ns / 1e6)} ms`;
  const seconds = ns / 1e9;
  if (seconds < 60) return `${threeDigits(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 172_800) {
    return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  }
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}

/** Instead of a query's text, where it waits for a pool client; `sql` may be empty. */
export function waitingText(sql: string): string {
  return sql === '' ? 'waiting for a client' : `waiting for a client, to run ${sql}`;
}

/** Before the text of several statements, which count as one query. */
export function statementsText(sql: string): string {
  const { count, isMinimum } = countStatements(sql);
  return count < 2 ? sql : `[${isMinimum ? 'at least ' : ''}${count} statements] ${sql}`;
}

/** Such as `999`, `12.3k`, `4.57M`. */
export function formatCount(count: number): string {
  if (count < 1_000) return Number.isInteger(count) ? String(count) : threeDigits(count);
  if (count < 1e6) return `${threeDigits(count / 1e3)}k`;
  if (count < 1e9) return `${threeDigits(count / 1e6)}M`;
  return `${threeDigits(count / 1e9)}G`;
}

function threeDigits(value: number): string {
  if (value < 10) return value.toFixed(2);
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}
