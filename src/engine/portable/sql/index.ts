/** The portable engine's SQL side: the same answers as `native/src/sql`, byte for byte. */
import type { NormalizedSql, NormalizeOptions } from '../../../types/sql.ts';
import { Normalizer } from './normalizer.ts';

export { scanSql } from './scanner.ts';

const normalizer = new Normalizer();

/** See `normalizeSql` of `hyperdjango/sql`. */
export function normalizeSql(sql: string, options?: NormalizeOptions): NormalizedSql {
  return normalizer.normalize(sql, options);
}
