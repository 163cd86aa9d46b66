import type { LastQuery, OpenQuery, OpenRequest } from '../segments/index.ts';
import { countStatements } from '../util/statement-count.ts';

/** What the JSON of several commands has in common: durations in milliseconds. */
export function requestJson(request: OpenRequest): object {
  return {
    pid: request.pid,
    threadId: request.threadId,
    route: request.route ?? null,
    elapsedMs: request.elapsedNs / 1e6,
    queries: request.queries.map(queryJson),
    lastQuery: request.lastQuery === undefined ? null : endedJson(request.lastQuery),
  };
}

/** One in flight: `sql` is null for a wait of which it is not known what is to be run. */
export function queryJson({ text, fingerprint, elapsedNs, isWaiting }: OpenQuery): object {
  const sql = text === '' ? null : text;
  return { sql, fingerprint, elapsedMs: elapsedNs / 1e6, isWaitingForClient: isWaiting };
}

export function endedJson({ text, fingerprint, elapsedNs, isError, sqlState }: LastQuery): object {
  const elapsedMs = elapsedNs / 1e6;
  return { sql: text, fingerprint, elapsedMs, failed: isError, sqlState: sqlState ?? null };
}

/** Beside the text of a statement. */
export function statementCountJson(text: string): object {
  const { count, isMinimum } = countStatements(text);
  return { statementCount: count, isStatementCountMinimum: isMinimum };
}

/** A damaged file may hold any number: null is what is no date. */
export function isoOf(ms: number): string | null {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}
