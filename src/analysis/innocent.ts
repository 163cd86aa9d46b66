/**
 * Statements that may run as often as they like without being an N+1: there is nothing to join
 * or to batch. Read off the normalised text, once for each statement.
 */

const TRANSACTION_CONTROL =
  /^(?:BEGIN|START TRANSACTION|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE TRANSACTION|SET|RESET|SHOW|DISCARD|DEALLOCATE|LISTEN|UNLISTEN|NOTIFY)\b/i;

/** `SELECT 1`, `SELECT version()` and the like: no table at all. */
const HEALTH_CHECK = /^SELECT (?:\$1|version\(\)|current_\w+(?:\(\))?|now\(\))(?: AS \S+)?$/i;

const CATALOGUE = /\b(?:pg_catalog\.|information_schema\.|FROM "?pg_[a-z_]+"?)/i;

/** One statement for many keys already: the way out of an N+1, not one. */
const BATCHED = /= ?ANY ?\(\$\d+(?:::[^)]*)?\)/i;

const JUDGED_MAX = 4_096;
const judged = new Map<string, boolean>();

/** @param text normalised SQL. */
export function isInnocent(text: string): boolean {
  let isSo = judged.get(text);
  if (isSo === undefined) {
    isSo = [TRANSACTION_CONTROL, HEALTH_CHECK, CATALOGUE, BATCHED].some((kind) => kind.test(text));
    if (judged.size === JUDGED_MAX) judged.clear();
    judged.set(text, isSo);
  }
  return isSo;
}
