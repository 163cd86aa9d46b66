/** The portable engine's SQL side: the same answers as `native/src/sql`, byte for byte. */
import type { NormalizedSql, NormalizeOptions } from '../../../types/sql.ts';
import { unparsedSql } from './marks.ts';
import { Normalizer } from './normalizer.ts';

export { scanSql } from './scanner.ts';

const shared = new Normalizer();

/**
 * See `normalizeSql` of `hyperdjango/sql`. Never throws.
 *
 * @param normalizer tests give one that fails.
 */
export function normalizeSql(
  sql: string,
  options?: NormalizeOptions,
  normalizer: Normalizer = shared,
): NormalizedSql {
  try {
    return normalizer.normalize(sql, options);
  } catch {
    // No memory, say: never the raw statement, and never an error in the application.
    return unparsedSql(sql);
  }
}
