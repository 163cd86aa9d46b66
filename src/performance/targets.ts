import type { Recorder } from '../recorder/index.ts';
import { countStatements, tablesOf } from '../sql/index.ts';

/** What a statement is about. */
export interface Targets {
  /** Tables and views that its text names, such as `public.users`. */
  readonly tables: readonly string[];
  /** Models that an ORM ran it for, such as `User`; empty where none told. */
  readonly models: readonly string[];
}

/** A text of several statements counts as one query. */
export interface CountedStatements {
  readonly statementCount: number;
  /** Whether there may be more: the text was cut. */
  readonly isStatementCountMinimum: boolean;
}

/** @param sql a normalised text. */
export function statementCountOf(sql: string): CountedStatements {
  const { count, isMinimum } = countStatements(sql);
  return { statementCount: count, isStatementCountMinimum: isMinimum };
}

const TEXTS_MAX = 2_048;
/** The page asks for the same texts every second. */
const tablesByText = new Map<string, readonly string[]>();

/** @param sql a normalised text. */
export function targetsOf(
  recorder: Recorder | undefined,
  sql: string,
  fingerprint?: string,
): Targets {
  let tables = tablesByText.get(sql);
  if (tables === undefined) {
    if (tablesByText.size === TEXTS_MAX) tablesByText.clear();
    tables = tablesOf(sql);
    tablesByText.set(sql, tables);
  }
  // Transaction control goes with any model's work.
  if (recorder === undefined || tables.length === 0) return { tables, models: [] };
  const key = fingerprint ?? recorder.engine.normalizeSql(sql).fingerprint;
  return { tables, models: recorder.models.of(key) };
}
