import type { OpenQuery, OpenRequest } from '../segments/index.ts';

/** What the JSON of several commands has in common: durations in milliseconds. */
export function requestJson(request: OpenRequest): object {
  return {
    pid: request.pid,
    threadId: request.threadId,
    route: request.route ?? null,
    elapsedMs: request.elapsedNs / 1e6,
    queries: request.queries.map(queryJson),
    lastQuery: request.lastQuery === undefined ? null : queryJson(request.lastQuery),
  };
}

export function queryJson({ text, fingerprint, elapsedNs }: OpenQuery): object {
  return { sql: text, fingerprint, elapsedMs: elapsedNs / 1e6 };
}

/** A damaged file may hold any number: null is what is no date. */
export function isoOf(ms: number): string | null {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}
