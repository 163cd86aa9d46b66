import { types } from 'node:util';

/** Of a statement's text, in Unicode characters. */
const SQL_LENGTH_MAX = 2_000;
const SUMMARY_LENGTH_MAX = 500;

/**
 * Types and shapes of parameters, never a value: `number, string(12), null, array(3)`. Equal
 * neighbours are counted: `number × 40`.
 *
 * @returns null where there are none; at most 500 characters.
 */
export function summarizeParams(params: readonly unknown[] | undefined): string | null {
  if (!Array.isArray(params) || params.length === 0) return null;
  let summary = '';
  for (let index = 0; index < params.length && summary.length < SUMMARY_LENGTH_MAX;) {
    const shape = shapeOf(params[index]);
    const first = index;
    do index += 1;
    while (index < params.length && shapeOf(params[index]) === shape);
    const count = index - first;
    summary += `${first === 0 ? '' : ', '}${shape}${count === 1 ? '' : ` × ${count}`}`;
  }
  return summary.slice(0, SUMMARY_LENGTH_MAX);
}

function shapeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return `string(${value.length})`;
  if (typeof value !== 'object') return typeof value;
  // None of these runs a getter of the application's or trips over a proxy.
  if (types.isProxy(value)) return 'object';
  if (Array.isArray(value)) return `array(${value.length})`;
  if (types.isDate(value)) return 'Date';
  if (ArrayBuffer.isView(value)) return `bytes(${value.byteLength})`;
  return 'object';
}

/**
 * The first 2,000 characters of a statement, never half of a surrogate pair, and without NUL,
 * which PostgreSQL takes in no text.
 */
export function cutSql(sql: string): string {
  const text = sql.includes('\0') ? sql.replaceAll('\0', '') : sql;
  if (text.length <= SQL_LENGTH_MAX) return text;
  let end = 0;
  for (let count = 0; count < SQL_LENGTH_MAX && end < text.length; count += 1) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}
