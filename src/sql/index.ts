/**
 * SQL as the engines read it: normalised text, fingerprint, and where the literals are.
 *
 * @module
 */
export { normalizeSql, scanSql, type SqlOptions } from './sql.ts';
export type {
  ByteSpans,
  NormalizedSql,
  NormalizeOptions,
  PlaceholderStyle,
  SqlSpans,
} from '../types/sql.ts';
