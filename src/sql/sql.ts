import type { Engine, EngineKind } from '../engine/engine.ts';
import { engineOfKind, loadEngine } from '../engine/load.ts';
import type { NormalizedSql, NormalizeOptions, SqlSpans } from '../types/sql.ts';

/** Options of {@link normalizeSql} and {@link scanSql}. */
export interface SqlOptions extends NormalizeOptions {
  /**
   * Both engines give the same answers; this picks one, to compare them.
   *
   * @defaultValue the one that the process runs on.
   */
  readonly engine?: EngineKind;
}

/**
 * A statement without its values, and a fingerprint that is equal for statements that differ
 * only in values and spelling. Never throws because of the statement.
 *
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` where `engine` names one that cannot be loaded.
 * @example
 * ```ts
 * import { normalizeSql } from 'hyperdjango/sql';
 *
 * normalizeSql("SELECT * FROM users WHERE id = 7").text; // 'SELECT * FROM users WHERE id = $1'
 * ```
 */
export function normalizeSql(sql: string, options: SqlOptions = {}): NormalizedSql {
  return engineFor(options).normalizeSql(sql, options);
}

/**
 * Where the literals, parameters and comments of a statement are, in UTF-8 bytes, as PostgreSQL's
 * own scanner has them.
 *
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` where `engine` names one that cannot be loaded.
 * @example
 * ```ts
 * import { scanSql } from 'hyperdjango/sql';
 *
 * scanSql("SELECT 'x', $1").literals; // [[7, 3]]
 * ```
 */
export function scanSql(sql: string, options: SqlOptions = {}): SqlSpans {
  return engineFor(options).scanSql(sql, options);
}

function engineFor({ engine }: SqlOptions): Engine {
  return engine === undefined ? loadEngine().engine : engineOfKind(engine);
}
