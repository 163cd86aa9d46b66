/** Stand-in for the SQL normaliser: strings, numbers and `$n` become `$1`, `$2`, … */
import type { NormalizedSql, NormalizeOptions, SqlSpans } from '../../../types/sql.ts';

const TEXT_BYTES_MAX = 8192;
const VALUE = /[A-Za-z_][A-Za-z0-9_]*|('[^']*'?|[0-9$][0-9]*)/g;

export function normalizeSql(sql: string, _options?: NormalizeOptions): NormalizedSql {
  let parameterCount = 0;
  const text = sql.replace(VALUE, (whole: string, value: string | undefined) =>
    value === undefined ? whole : `$${++parameterCount}`,
  );
  const bytes = new TextEncoder().encode(text);
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return {
    text: bytes.length <= TEXT_BYTES_MAX ? text : Buffer.from(bytes).toString('utf8', 0, 8192),
    fingerprint: hash.toString(16).padStart(16, '0'),
    listLengths: [],
  };
}

export function scanSql(sql: string, _options?: NormalizeOptions): SqlSpans {
  const literals: (readonly [number, number])[] = [];
  const parameters: (readonly [number, number])[] = [];
  for (const match of sql.matchAll(VALUE)) {
    const value = match[1];
    if (value === undefined) continue;
    const start = Buffer.byteLength(sql.slice(0, match.index));
    (value.startsWith('$') ? parameters : literals).push([start, Buffer.byteLength(value)]);
  }
  return { literals, parameters, comments: [] };
}
