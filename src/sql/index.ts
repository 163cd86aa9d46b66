/**
 * Reading SQL as PostgreSQL does: normalised text and fingerprint, the places of literals, and a
 * summary for spans.
 *
 * @module
 */
export { normalizeSql, scanSql } from './sql.ts';
export type { SqlOptions } from './sql.ts';
export { summarizeSql } from './summary.ts';
/** @internal for what shows statements. */
export { countStatements, type StatementCount } from '../util/statement-count.ts';
/** @internal for what shows statements. */
export { tablesOf } from './summary.ts';
export type {
  ByteSpans,
  NormalizedSql,
  NormalizeOptions,
  PlaceholderStyle,
  SqlSpans,
} from '../types/sql.ts';
