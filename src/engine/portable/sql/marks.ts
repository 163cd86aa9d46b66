/**
 * Two kinds of normalised text do not hold the whole statement. Each ends with the fingerprint,
 * and with `>`, as no statement does: so that normalising them again gives the same fingerprint.
 */

import type { NormalizedSql } from '../../../types/sql.ts';
import { StatementHash } from './fingerprint.ts';

const CUT_START = ' … <cut: ';
const UNPARSED_START = '<unparsed: ';
const GREATER_THAN = 0x3e;
const HEX_DIGITS_COUNT = 16;
/** More than the longest verb. */
const VERB_CHARACTERS_MAX = 32;

/** The length of {@link cutMark} in UTF-8. */
export const CUT_MARK_BYTES = 28;

/** What ends a text that was cut. */
export function cutMark(fingerprint: string): string {
  return `${CUT_START}${fingerprint}>`;
}

/** Whether a text may end with one of the marks: those of hardly any statement do. */
export function endsLikeMark(sql: string): boolean {
  return sql.charCodeAt(sql.length - 1) === GREATER_THAN;
}

/** What a normalised text is made of that ends with a {@link cutMark}. */
export function readCutMark(
  sql: string,
): { readonly source: string; readonly fingerprint: string } | undefined {
  if (!endsLikeMark(sql)) return undefined;
  const hexStart = sql.length - 1 - HEX_DIGITS_COUNT;
  const start = hexStart - CUT_START.length;
  if (start < 0 || !sql.startsWith(CUT_START, start) || !isHex(sql, hexStart)) return undefined;
  return { source: sql.slice(0, start), fingerprint: sql.slice(hexStart, -1) };
}

/** Stands for a statement that could not be read: names its verb, and tells such ones apart. */
export function unparsedSql(sql: string): NormalizedSql {
  const first = /^[A-Za-z]+/.exec(sql.slice(0, VERB_CHARACTERS_MAX + 1).trimStart())?.[0] ?? '';
  const verb = VERBS.has(first.toUpperCase()) ? first.toUpperCase() : 'UNKNOWN';
  const hash = new StatementHash();
  hash.reset();
  for (let index = 0; index < sql.length; index += 1) hash.addCode(sql.charCodeAt(index));
  const fingerprint = hash.toHex();
  const text = `${UNPARSED_START}${verb} ${fingerprint}>`;
  return { text, fingerprint, listLengths: [] };
}

/** The fingerprint in an {@link unparsedSql} text. */
export function readUnparsed(sql: string): string | undefined {
  if (!endsLikeMark(sql) || !sql.startsWith(UNPARSED_START)) return undefined;
  const hexStart = sql.length - 1 - HEX_DIGITS_COUNT;
  const verb = sql.slice(UNPARSED_START.length, hexStart - 1);
  if (!VERBS.has(verb) || sql[hexStart - 1] !== ' ' || !isHex(sql, hexStart)) return undefined;
  return sql.slice(hexStart, -1);
}

/** The verbs that an {@link unparsedSql} text may name; all others are `UNKNOWN`. */
const VERBS: ReadonlySet<string> = new Set(
  `ABORT ALTER ANALYZE BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE
   DECLARE DELETE DISCARD DO DROP END EXECUTE EXPLAIN FETCH GRANT IMPORT INSERT LISTEN LOAD LOCK
   MERGE MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT
   SECURITY SELECT SET SHOW START TABLE TRUNCATE UNKNOWN UNLISTEN UPDATE VACUUM VALUES WITH`.split(
    /\s+/,
  ),
);

function isHex(text: string, start: number): boolean {
  for (let index = start; index < start + HEX_DIGITS_COUNT; index += 1) {
    const unit = text.charCodeAt(index);
    if (!((unit >= 0x30 && unit <= 0x39) || (unit >= 0x61 && unit <= 0x66))) return false;
  }
  return true;
}
