import type { Engine, EngineKind } from '../engine/engine.ts';
import { engineOfKind, loadEngine } from '../engine/load.ts';
import { OptionError } from '../errors/index.ts';
import type { NormalizedSql, NormalizeOptions, PlaceholderStyle, SqlSpans } from '../types/sql.ts';
import { booleanOption, describeValue, knownOptions, oneOfOption } from '../util/options.ts';

/** Options of {@link normalizeSql} and {@link scanSql}. */
export interface SqlOptions extends NormalizeOptions {
  /**
   * Which engine answers, to compare them: they give the same answers.
   *
   * @defaultValue the engine in use, see `status()`.
   */
  readonly engine?: EngineKind;
}

/**
 * The text of a statement without its values, and a fingerprint that all statements share which
 * differ in values and spelling only.
 *
 * Literals and parameters become `$1`, `$2`, … in order of appearance, comments go, white space
 * becomes one space, and a list of values is cut after its first one. Normalising a normalised
 * text gives the same text and fingerprint. No input makes it fail: what cannot be read is left
 * out.
 *
 * @param sql one statement, or several with semicolons between them.
 * @returns a text of at most 8 kB, and a fingerprint of 16 hex digits (version 1 of the hash in
 * `docs/sql.md`).
 * @throws {OptionError} if `sql` is no string or an option is not one of its values.
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` if the engine asked for cannot be loaded.
 *
 * @example
 * ```ts
 * import { normalizeSql } from 'hyperdjango/sql';
 *
 * normalizeSql("SELECT * FROM users WHERE id = 7").text; // 'SELECT * FROM users WHERE id = $1'
 * ```
 */
export function normalizeSql(sql: string, options: SqlOptions = {}): NormalizedSql {
  return engineFor(sql, options).normalizeSql(sql, options);
}

/**
 * Where the literals, parameters and comments of a statement are, as PostgreSQL's scanner sees
 * them: each a list of `[byteStart, byteLength]` in UTF-8.
 *
 * Where `standardConformingStrings` is not given, a backslash in a plain string is an ordinary
 * character. A string or comment without its end goes to the end of the statement.
 *
 * @throws {OptionError} if `sql` is no string or an option is not one of its values.
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` if the engine asked for cannot be loaded.
 *
 * @example
 * ```ts
 * import { scanSql } from 'hyperdjango/sql';
 *
 * const { literals, parameters, comments } = scanSql("SELECT 'a', $1 -- note");
 * literals; // [[7, 3]]
 * parameters; // [[12, 2]]
 * comments; // [[15, 7]]
 * ```
 */
export function scanSql(sql: string, options: SqlOptions = {}): SqlSpans {
  return engineFor(sql, options).scanSql(sql, options);
}

const PLACEHOLDER_STYLES: readonly PlaceholderStyle[] = ['dollar', 'question', 'named', 'format'];

const ENGINE_KINDS: readonly EngineKind[] = ['native', 'portable'];

function engineFor(sql: unknown, options: SqlOptions): Engine {
  if (typeof sql !== 'string') throw new OptionError('sql', 'a string', describeValue(sql));
  knownOptions('options', options, ['engine', 'placeholders', 'standardConformingStrings']);
  const { engine, placeholders, standardConformingStrings } = options;
  if (placeholders !== undefined) oneOfOption('placeholders', placeholders, PLACEHOLDER_STYLES);
  if (standardConformingStrings !== undefined) {
    booleanOption('standardConformingStrings', standardConformingStrings);
  }
  if (engine === undefined) return loadEngine().engine;
  oneOfOption('engine', engine, ENGINE_KINDS);
  return engineOfKind(engine);
}
